//! The configuration file: typed sections, defaults, errors that name file, line and key.
