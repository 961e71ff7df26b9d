//! Starts servers, mail sinks, SMS gateways and PostgreSQL clusters for tests and benchmarks.
