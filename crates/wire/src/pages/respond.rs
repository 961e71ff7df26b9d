//! The answer on its way to the client: query, fragment or form.
