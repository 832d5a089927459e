//! A folder of `.proto` files for a test.

use std::fs;
use std::path::{Path, PathBuf};

/// A folder of this name under cargo's own for tests, with these files.
pub(crate) fn folder(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("out")).expect("the target folder can be written");
    for (file, text) in files {
        let path = folder.join(file);
        fs::create_dir_all(path.parent().unwrap_or(&folder)).expect("the target folder can be written");
        fs::write(path, text).expect("the target folder can be written");
    }
    folder
}
