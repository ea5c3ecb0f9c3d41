//! The web app in a real browser.

mod addresses;
mod authenticator;
mod demo;
mod every_page;
mod evidence;
mod faults;
mod findings;
mod first_administrator;
mod passkeys;
mod pictures;
mod service_accounts;
mod sign_out;
mod web_driver;
mod without_script;

const PASSWORD: &str = "kestrel venn oblique";
