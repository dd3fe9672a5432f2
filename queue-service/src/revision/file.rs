//! The configuration file, read and written whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// Says what was attempted with which file.
fn with_path(attempted: &str, path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{attempted} the configuration file {}: {error}", path.display()))
}

/// The text of the file.
///
/// # Errors
/// What the system says, with the path.
pub fn read(path: &Path) -> io::Result<String> {
    fs::read_to_string(path).map_err(|error| with_path("read", path, &error))
}

/// Puts a new file in the place of the old one, with the same rights; a crash leaves one or the other. A link stays a
/// link to it.
///
/// # Errors
/// What the system says, with the path.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let name = real.file_name().unwrap_or_default().to_string_lossy();
    let new = real.with_file_name(format!(".{name}.new"));
    let written = put(&new, &real, text);
    if written.is_err() {
        // What is left of it is of no use; the next one writes over it.
        let _ = fs::remove_file(&new);
    }
    written.map_err(|error| with_path("write", path, &error))
}

fn put(new: &Path, real: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // It has passwords: nobody else may read it before it has the rights of the old one.
        options.mode(0o600);
    }
    let mut file = options.open(new)?;
    file.write_all(text.as_bytes())?;
    if let Ok(old) = fs::metadata(real) {
        file.set_permissions(old.permissions())?;
    }
    file.sync_all()?;
    fs::rename(new, real)?;
    if let Some(folder) = real.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}
