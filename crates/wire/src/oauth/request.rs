//! Reading a client's credentials and parameters.
