//! Groups, roles and who has them.
