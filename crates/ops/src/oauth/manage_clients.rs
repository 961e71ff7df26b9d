//! Clients: added, changed, listed, removed.
