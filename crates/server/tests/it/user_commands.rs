//! `novantra user …`: invitations, resets, roles and sessions without a server.

use serde_json::Value;

use crate::{bundle_imports::installation, support::Installation};

const EMAIL: &str = "m.halloran@brackwater.example";

/// Runs a command in the workspace acme. Returns its exit status, and its output or its error.
fn user(installation: &Installation, arguments: &[&str]) -> (Option<i32>, String) {
    let ran = installation.run(&[&["user"][..], arguments, &["--workspace", "acme"]].concat());
    (ran.status.code(), if ran.status.success() { ran.stdout } else { ran.stderr })
}

fn user_json(installation: &Installation, arguments: &[&str]) -> Value {
    installation.run_json(&[&["user"][..], arguments, &["--workspace", "acme"]].concat())
}

fn create(installation: &Installation) -> Value {
    user_json(
        installation,
        &["create", "--name", "Morgan Halloran", "--email", "M.Halloran@Brackwater.example", "--role", "lead"],
    )
}

fn text<'v>(document: &'v Value, member: &str) -> &'v str {
    document[member].as_str().unwrap_or_else(|| panic!("no {member} in {document}"))
}

#[test]
fn a_user_is_created_with_an_invitation_link_and_shown_without_secrets() {
    let installation = installation(&["acme"]);
    let created = create(&installation);
    assert_eq!((text(&created, "email"), text(&created, "role"), text(&created, "status")), (EMAIL, "lead", "invited"));
    let url = text(&created["link"], "url");
    assert!(url.starts_with("http://127.0.0.1:8080/app/setup/nvlnk_"), "{url}");
    assert_eq!(text(&created["link"], "purpose"), "invitation");
    let shown = user_json(&installation, &["show", EMAIL]);
    assert_eq!(shown, user_json(&installation, &["show", text(&created, "id")]));
    assert_eq!(
        (&shown["second_factor"], &shown["sessions"], &shown["password_set_at"]),
        (&false.into(), &0.into(), &Value::Null)
    );
    let listed = user_json(&installation, &["list"]);
    assert_eq!((text(&listed["users"][0], "email"), text(&listed["users"][0], "workspace")), (EMAIL, "acme"));
    let token = url.rsplit_once('/').expect("a path").1;
    let log = installation.run(&["audit", "export", "--workspace", "acme"]).stdout;
    assert!(log.contains("user.created") && log.contains("user.invited") && !log.contains(&token[40..]), "{log}");
}

#[test]
fn links_are_built_from_the_public_url() {
    let installation = installation(&["acme"]);
    let arguments = [
        "create",
        "--name",
        "A",
        "--email",
        "a@b.example",
        "--role",
        "admin",
        "--public-url",
        "https://grc.example.org",
    ];
    let (code, output) = user(&installation, &arguments);
    assert_eq!(code, Some(0), "{output}");
    assert!(
        output.starts_with("a@b.example is invited as admin\n\nhttps://grc.example.org/app/setup/nvlnk_"),
        "{output}"
    );
    assert!(output.contains("The link works once, until "), "{output}");
}

#[test]
fn roles_and_statuses_change_with_a_reason_in_the_audit_log() {
    let installation = installation(&["acme"]);
    create(&installation);
    let (code, output) = user(&installation, &["role", EMAIL, "auditor", "--reason", "Moved to internal audit"]);
    assert_eq!(
        (code, output.trim()),
        (Some(0), "m.halloran@brackwater.example (Morgan Halloran) is invited and has the role auditor")
    );
    assert_eq!(text(&user_json(&installation, &["disable", EMAIL]), "status"), "disabled");
    assert_eq!(text(&user_json(&installation, &["enable", EMAIL]), "status"), "invited");
    let log = installation.run(&["audit", "export", "--workspace", "acme"]).stdout;
    let entry = log.lines().find(|line| line.contains("user.role_set")).expect("an entry");
    assert!(entry.contains("Moved to internal audit") && entry.contains("novantra user role"), "{entry}");
    assert!(log.contains("user.disabled") && log.contains("user.enabled"), "{log}");
}

#[test]
fn an_invitation_is_renewed_and_a_reset_needs_an_active_user() {
    let installation = installation(&["acme"]);
    let created = create(&installation);
    let again = user_json(&installation, &["invite", EMAIL]);
    assert_ne!(text(&created["link"], "url"), text(&again["link"], "url"));
    for arguments in [&["reset", EMAIL][..], &["reset", EMAIL, "--second-factor"]] {
        let (code, output) = user(&installation, arguments);
        assert_eq!((code, output.trim()), (Some(1), "novantra: the user is not active, but invited"));
    }
}

#[test]
fn sessions_are_listed_and_revoked() {
    let installation = installation(&["acme"]);
    create(&installation);
    assert_eq!(user_json(&installation, &["sessions", EMAIL])["sessions"], Value::Array(Vec::new()));
    assert_eq!(user(&installation, &["revoke", EMAIL, "--all"]), (Some(0), "0 sessions are left\n".to_owned()));
    let (code, output) = user(&installation, &["revoke", EMAIL, "sess_01HZX3V6T9C6Q4W8N2D5K7M1RB"]);
    assert_eq!((code, output.trim()), (Some(1), "novantra: there is no such user or session"));
    assert_eq!(user(&installation, &["revoke", EMAIL]).0, Some(2), "neither a session nor --all");
}

#[test]
fn invalid_arguments_and_missing_users_are_refused_with_what_to_do() {
    let installation = installation(&["acme"]);
    create(&installation);
    for (arguments, code, message) in [
        (&["create", "--name", "A", "--email", EMAIL, "--role", "lead"][..], 1, "has this email address"),
        (&["create", "--name", "A", "--email", "nowhere", "--role", "lead"], 2, "--email must be an email address"),
        (&["create", "--name", " ", "--email", "a@b.example", "--role", "lead"], 2, "--name must be one line"),
        (
            &["create", "--name", "A", "--email", "a@b.example", "--role", "owner"],
            2,
            "admin, lead, contributor, auditor, reader",
        ),
        (&["disable", "nobody@b.example"], 1, "list its users with `novantra user list --workspace acme`"),
        (&["disable", "user_01HZX3V6T9C6Q4W8N2D5K7M1RB"], 1, "has no user"),
        (&["disable", EMAIL, "--reason", "short"], 2, "--reason must be 10 to 1000 characters"),
        (&["revoke", EMAIL, "one"], 2, "it is not a session"),
    ] {
        let (status, output) = user(&installation, arguments);
        assert!(status == Some(code) && output.contains(message), "{arguments:?}: {status:?} {output}");
    }
    let elsewhere = installation.run(&["user", "list", "--workspace", "gone"]);
    assert!(elsewhere.stderr.contains("there is no workspace \"gone\""), "{}", elsewhere.stderr);
}

#[test]
fn an_identity_is_linked_with_one_user_and_unlinked_again() {
    let installation = installation(&["acme"]);
    create(&installation);
    user_json(&installation, &["create", "--name", "Dana", "--email", "d@b.example", "--role", "reader"]);
    let listed = |email: &str| {
        let listed = user_json(&installation, &["list"]);
        let users = listed["users"].as_array().expect("users").clone();
        users.into_iter().find(|user| user["email"] == email).expect("a user")["signs_in_by"].clone()
    };
    let issuer = ["--issuer", "https://login.brackwater.example"];
    let link = |email, subject| [&["link-identity", email, "--subject", subject][..], &issuer].concat();
    assert_eq!(listed(EMAIL), serde_json::json!([]));
    let (code, output) = user(&installation, &link(EMAIL, "248289761001"));
    let expected = format!("{EMAIL} signs in by the identity 248289761001 of {}", issuer[1]);
    assert_eq!((code, output.trim()), (Some(0), &*expected));
    assert_eq!(listed(EMAIL), serde_json::json!(["provider"]));
    let shown = user_json(&installation, &["show", EMAIL]);
    assert_eq!(text(&shown["identities"][0], "subject"), "248289761001");
    for (arguments, code, message) in [
        (link("d@b.example", "248289761001"), 1, "the identity is linked with a user of the workspace already"),
        (link(EMAIL, ""), 2, "--subject must have 1 to 255 bytes"),
        (vec!["link-identity", EMAIL, "--subject", "1"], 2, "the setting openid_issuer is missing; give --issuer"),
        (
            vec!["link-identity", EMAIL, "--subject", "1", "--issuer", "http://b.example"],
            2,
            "--issuer it must be an https",
        ),
    ] {
        let (status, output) = user(&installation, &arguments);
        assert!(status == Some(code) && output.contains(message), "{arguments:?}: {status:?} {output}");
    }
    let (code, output) = user(&installation, &["unlink-identities", EMAIL, "--reason", "Another provider"]);
    assert_eq!((code, output.trim()), (Some(0), "1 identities are unlinked"));
    assert_eq!(listed(EMAIL), serde_json::json!([]));
    let log = installation.run(&["audit", "export", "--workspace", "acme"]).stdout;
    assert!(log.contains("user.identity_linked") && log.contains("user.identities_unlinked"), "{log}");
}
