//! The doors of Countersign: each surface translates and decides nothing.
