//! What both desktop apps share: theme, widgets, the phone and the session.
