//! The live feed that resumes by number.
