//! Types and pure rules of Countersign: no IO, no async, no wire format.
