//! Which scripts may read an answer (Fetch, CORS).
