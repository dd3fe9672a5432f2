//! Session descriptions and their negotiation.
