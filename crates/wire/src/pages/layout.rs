//! What surrounds every page of a flow.
