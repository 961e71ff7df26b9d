//! The two cookies of the pages.
