//! The stylesheet and the script, which are in the program. Their addresses contain a digest of what they are, so that
//! browsers keep them for ever.

/// The stylesheet.
pub(crate) const STYLESHEET: &str = include_str!("assets/console.css");
/// The script, which every page works without.
pub(crate) const SCRIPT: &str = include_str!("assets/console.js");

/// The icon of windows and bookmarks.
pub(crate) const ICON: &str = include_str!("assets/icon.svg");

/// The address of the icon.
pub(crate) const ICON_PATH: &str = "/app/assets/icon.svg";
/// The address of the stylesheet.
pub(crate) const STYLESHEET_PATH: &str = "/app/assets/console.css";
/// The address of the script.
pub(crate) const SCRIPT_PATH: &str = "/app/assets/console.js";
