//! The stylesheet and the script, which are in the program. Their addresses contain a digest of what they are, so that
//! browsers keep them for ever.

/// The stylesheet.
pub const STYLESHEET: &str = include_str!("assets/console.css");
/// The script, which every page works without.
pub const SCRIPT: &str = include_str!("assets/console.js");

/// The address of the stylesheet.
pub const STYLESHEET_PATH: &str = "/app/assets/console.css";
/// The address of the script.
pub const SCRIPT_PATH: &str = "/app/assets/console.js";
