//! The signed-in session: token, live feed, commands.
