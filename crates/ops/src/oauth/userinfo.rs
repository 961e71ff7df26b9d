//! Claims about whoever a token speaks for (OpenID Connect Core §5.3).
