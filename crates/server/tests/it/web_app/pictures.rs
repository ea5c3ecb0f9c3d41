//! Windows in which pages are looked at, and pictures of them.

use std::{env, path::PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;

use super::web_driver::WebDriver;

/// The colors that the device prefers, and the width of its window in pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Device {
    pub(super) theme: &'static str,
    pub(super) width: u32,
}

impl WebDriver {
    /// Shows the page as on this device.
    pub(super) async fn show_on(&self, device: Device) {
        let size = json!({ "width": device.width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.tool("Emulation.setDeviceMetricsOverride", &size).await;
        let features = json!([
            { "name": "prefers-color-scheme", "value": device.theme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        self.tool("Emulation.setEmulatedMedia", &json!({ "features": features })).await;
    }
}

/// Saves pictures of whole pages in the folder that `NOVANTRA_TEST_SCREENSHOTS` names, if it is set.
pub(super) struct Pictures {
    folder: Option<PathBuf>,
}

impl Pictures {
    pub(super) fn from_environment() -> Self {
        let folder = env::var_os("NOVANTRA_TEST_SCREENSHOTS").map(PathBuf::from);
        if let Some(folder) = &folder {
            std::fs::create_dir_all(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        }
        Self { folder }
    }

    /// Saves a picture of the page under this name.
    pub(super) async fn save(&self, browser: &WebDriver, name: &str) {
        let Some(folder) = &self.folder else { return };
        let metrics = browser.tool("Page.getLayoutMetrics", &json!({})).await;
        let size = &metrics["cssContentSize"];
        let clip = json!({ "x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1 });
        let parameters = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let taken = browser.tool("Page.captureScreenshot", &parameters).await;
        let bytes = STANDARD.decode(taken["data"].as_str().expect("a picture")).expect("base 64");
        let path = folder.join(format!("{name}.png"));
        std::fs::write(&path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}
