//! Every page of the route table, as each role sees it.

use std::{collections::BTreeSet, time::Instant};

use auth::Role;
use http_api::request::Access;

use super::{
    PASSWORD,
    addresses::{Page, is_page, pages},
    authenticator::code,
    demo::Demo,
    faults::Rules,
    pictures::{Device, Pictures},
    web_driver::WebDriver,
};
use crate::support::Setup;

/// The devices on which an administrator looks at each page, with the rules that are checked there.
const DEVICES: [(Device, Option<Rules>); 4] = [
    (Device { theme: "light", width: 1280 }, Some(Rules::All)),
    (Device { theme: "dark", width: 1280 }, Some(Rules::Colors)),
    (Device { theme: "dark", width: 390 }, Some(Rules::All)),
    (Device { theme: "light", width: 320 }, None),
];

/// A walk through pages. It goes on after a fault, and names all of them at its end.
struct Walk {
    demo: Demo,
    pictures: Pictures,
    faults: Vec<String>,
    pages: usize,
}

impl Walk {
    fn browser(&self) -> &WebDriver {
        &self.demo.browser
    }

    fn note(&mut self, page: &str, faults: impl IntoIterator<Item = String>) {
        for fault in faults {
            println!("{page}: {fault}");
            self.faults.push(format!("{page}: {fault}"));
        }
    }

    /// Opens a page, which must be answered with this status.
    async fn open(&mut self, name: &str, path: &str, status: u16) {
        self.pages += 1;
        self.browser().show_on(DEVICES[0].0).await;
        self.demo.go(path).await;
        let script = "return [performance.getEntriesByType('navigation')[0].responseStatus, location.pathname]";
        let found = self.browser().run(script).await;
        let is_elsewhere = Some(path.split('?').next().unwrap_or(path)) != found[1].as_str();
        let elsewhere = (found[0] != status || is_elsewhere)
            .then(|| format!("{path} led to {} with status {} instead of {status}", found[1], found[0]));
        self.note(name, elsewhere);
        let faults = self.browser().faults_of_load().await;
        self.note(name, faults);
    }

    /// Looks at the page that was just loaded, on every device.
    async fn look_at_load(&mut self, name: &str) {
        let faults = self.browser().faults_of_load().await;
        self.note(name, faults);
        self.look(name).await;
    }

    /// Looks at the page that is open on every device.
    async fn look(&mut self, name: &str) {
        for (device, rules) in DEVICES {
            self.browser().show_on(device).await;
            let Device { theme, width } = device;
            let mut faults: Vec<String> = self.browser().faults_of_layout().await.into_iter().collect();
            if let Some(rules) = rules {
                faults.extend(self.browser().faults_of_accessibility(rules).await);
            }
            self.note(&format!("{name}, {theme}, {width} px"), faults);
            self.pictures.save(self.browser(), &format!("{name}.{theme}-{width}")).await;
        }
    }

    /// Looks at the pages of an administrator.
    async fn walk_as_administrator(&mut self, pages: &[Page]) {
        for page in pages {
            self.open(&page.name(), &page.path, 200).await;
            self.look(&page.name()).await;
        }
        for (name, path, status) in [
            ("no-such-page", "/app/no-such-page", 404),
            ("jump-to-nothing", "/app/go?q=nothing", 404),
            ("findings-none", "/app/findings?status=verified&severity=critical", 200),
        ] {
            self.open(name, path, status).await;
            self.look(name).await;
        }
    }

    /// Opens the pages that a role sees, and those that it does not.
    async fn walk_as(&mut self, role: Role, pages: &[Page]) {
        for page in pages {
            let is_permitted = match page.operation.access {
                Access::Permission(permission) => role.permits(permission),
                _ => true,
            };
            let name = format!("{}.{}", page.name(), role.name());
            self.open(&name, &page.path, if is_permitted { 200 } else { 403 }).await;
            let fault = self.browser().faults_of_layout().await;
            self.note(&name, fault);
            if is_permitted {
                self.pictures.save(self.browser(), &name).await;
            }
        }
    }

    /// Looks at the pages of somebody who has not signed in.
    async fn walk_as_stranger(&mut self) {
        let public = console::route_table().iter().filter(|one| is_page(one) && one.access == Access::Public);
        let public: BTreeSet<&str> = public.map(|operation| operation.path).collect();
        let pages = ["/app/sign-in", "/app/setup/{token}", "/app/set-up-second-factor", "/app/second-factor"];
        let of_provider = [("/app/sign-in/openid", 404), ("/app/sign-in/openid/callback", 404)];
        let expected = pages.into_iter().chain(of_provider.map(|(page, _)| page)).collect();
        assert_eq!(public, expected, "say here how a browser comes to each");
        for (page, status) in of_provider {
            let name = page.trim_start_matches("/app/").replace('/', "-");
            self.open(&name, page, status).await;
            self.look(&name).await;
        }
        self.walk_through_sign_in().await;
    }

    /// Looks at the pages from a link to a sign-in with a second factor. Its person becomes an administrator after they chose
    /// their password, so that they set up the factor at the sign-in.
    async fn walk_through_sign_in(&mut self) {
        const EMAIL: &str = "robin@cedar.example";
        let server = Setup::new().start();
        let run = |arguments: &[&str]| {
            server.installation().run_json(&[&["user"], arguments, &["--workspace", "default"]].concat())
        };
        let created = run(&["create", "--name", "Robin", "--email", EMAIL, "--role", "lead"]);
        // The command has another address in its settings than the one on which the server listens.
        let (_, link) = created["link"]["url"].as_str().and_then(|url| url.split_once("/app/")).expect("a link");
        self.browser().go(&format!("{}/app/{link}", server.url)).await;
        self.look_at_load("setup-token").await;
        self.browser().fill("#password", PASSWORD).await;
        self.browser().click("div.save button").await;
        self.browser().wait_for("h1", "Overview").await;
        run(&["role", EMAIL, "admin"]);
        for (title, name) in
            [("Set up your second factor", "set-up-second-factor"), ("Enter the code from your app", "second-factor")]
        {
            self.browser().go(&format!("{}/app/sign-in", server.url)).await;
            self.look_at_load("sign-in").await;
            self.browser().fill("#email", EMAIL).await;
            self.browser().fill("#password", PASSWORD).await;
            self.browser().click("form[action='/app/sign-in'] button").await;
            self.browser().wait_for("h1", title).await;
            self.look_at_load(name).await;
            if name == "set-up-second-factor" {
                let key = self.browser().text("#key").await;
                self.browser().fill("#code", &code(&key)).await;
                self.browser().click("div.save button").await;
                self.browser().wait_for("h1", "Keep these recovery codes").await;
            }
        }
    }
}

#[tokio::test]
async fn every_page_is_accessible_fits_its_window_and_loads_nothing_from_elsewhere_for_each_role() {
    let demo = Demo::open(WebDriver::open().await).await;
    demo.deliver_an_event().await;
    demo.upload_a_table().await;
    let mut links = Vec::new();
    for role in Role::ALL {
        links.push(demo.invite(*role).await);
    }
    let pages = pages(&demo).await;
    let mut walk = Walk { demo, pictures: Pictures::from_environment(), faults: Vec::new(), pages: 0 };
    let mut time = Instant::now();
    let mut measure = |what: &str, pages: usize| {
        println!("{what}: {pages} pages so far, {:?}", time.elapsed());
        time = Instant::now();
    };
    walk.walk_as_administrator(&pages).await;
    measure("administrator", walk.pages);
    walk.demo.sign_out().await;
    walk.walk_as_stranger().await;
    measure("stranger", walk.pages);
    for (role, link) in Role::ALL.iter().zip(&links).filter(|(role, _)| **role != Role::Admin) {
        walk.demo.accept(link).await;
        walk.walk_as(*role, &pages).await;
        measure(role.name(), walk.pages);
    }
    assert!(walk.faults.is_empty(), "{} faults:\n{}", walk.faults.len(), walk.faults.join("\n"));
}
