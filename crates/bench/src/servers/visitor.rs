//! A person who has signed in to the web app.

use std::process::Command;

use serde_json::Value;

use crate::{
    failure::{Context, Failure, Outcome},
    http::{Request, call},
    servers::{Novantra, process::isolated},
};

const PASSWORD: &str = "kestrel venn oblique";

/// A person who has signed in to the web app.
pub(crate) struct Visitor {
    cookie: String,
}

impl Visitor {
    /// Returns the request for a page.
    pub(crate) fn get(&self, path: &str) -> Request {
        Request::get(path).header("cookie", &self.cookie)
    }
}

impl Novantra {
    /// Creates a person with a role that needs no second factor, who signs in.
    pub(crate) fn sign_in(&self, role: &str) -> Outcome<Visitor> {
        let mut command = Command::new(self.binary());
        command.args(["--json", "user", "create", "--workspace", "default", "--name", "Bench", "--role", role]);
        command.args(["--email", "bench@novantra.example", "--data-dir"]).arg(self.folder());
        let output = isolated(&mut command, self.folder()).output()?;
        if !output.status.success() {
            return Err(Failure::new(String::from_utf8_lossy(&output.stderr)));
        }
        let created: Value = serde_json::from_slice(&output.stdout)?;
        let link = created["link"]["url"].as_str().and_then(|url| url.split_once("/app/"));
        let (_, link) = link.context(|| format!("no link in {created}"))?;
        let form = Request::form(format!("/app/{link}"), format!("password={}", PASSWORD.replace(' ', "+")))
            .header("sec-fetch-site", "same-origin");
        let response = call(self.host()?, &form)?;
        let cookies = response.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
        let mut pairs = cookies.filter_map(|(_, cookie)| cookie.split(';').next());
        let cookie = pairs.find(|pair| pair.contains("session=")).map(str::to_owned);
        Ok(Visitor { cookie: cookie.context(|| format!("no session: {} {}", response.status, response.body))? })
    }
}
