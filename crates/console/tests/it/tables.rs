//! Imports and exports of tables.

use auth::Role;
use console::{ColumnChoice, Fault, ImportState, MAX_TABLE_BYTES, Outcome, Preview, TableExportFormat};
use kernel::{OwnedScalar, Record as _};
use registers::{Risk, RiskStatus};

use crate::support::{Browser, TestApp, column, multipart};

/// The choices with which the table was checked.
const CHECKED: (&str, &str) = ("column0", "riskKey");

const REASON: (&str, &str) = ("reason", "The register of the branch moves here");

/// The body of a form with these fields, and a file.
fn form(fields: &[(&str, &str)], file: Option<(&str, &[u8])>) -> Vec<u8> {
    let files: Vec<_> = file.into_iter().map(|(name, bytes)| ("file", name, bytes)).collect();
    multipart(fields, &files)
}

fn preview() -> Preview {
    Preview {
        columns: vec![column("A", "ID", Some("riskKey")), column("B", "<b>Notes</b>", None)],
        fields: vec!["riskKey".to_owned(), "title".to_owned()],
        sample: vec![(2, vec![("riskKey".to_owned(), "<script>RSK-1".to_owned())])],
        outcome: Outcome {
            rows: 242,
            created: 240,
            failed: 2,
            faults: vec![Fault { row: 7, key: None, message: "title (column B): is missing".to_owned() }],
            ..Outcome::default()
        },
        ..Preview::default()
    }
}

/// Uploads a table, and returns the address of its import.
async fn upload(app: &TestApp, browser: &Browser) -> String {
    *app.tables.preview.lock().unwrap() = preview();
    let fields = [("formToken", browser.form_token.as_str()), ("kind", "risk")];
    let page = browser.post_file("/app/import", form(&fields, Some(("Risks.csv", b"ID\nRSK-1\n")))).await.expect(303);
    page.location().to_owned()
}

#[tokio::test]
async fn a_table_is_uploaded_previewed_and_imported_with_a_reason() {
    let app = TestApp::open().await;
    let lead = app.browser(Role::Lead).await;
    lead.get("/app/risks").await.expect(200).expect_text("/app/import?kind=risk");
    let start = lead.get("/app/import?kind=risk").await.expect(200);
    start.expect_text("<option value=\"risk\" selected>Risk").expect_text("multipart/form-data");
    let address = upload(&app, &lead).await;
    assert_eq!(app.tables.stored(), [b"ID\nRSK-1\n".to_vec()]);

    let page = lead.get(&address).await.expect(200).expect_text("Import 240 risks").expect_text("2 rows fail");
    let page = page.expect_text("title (column B): is missing").expect_text("&lt;b&gt;Notes&lt;/b&gt;");
    page.expect_no_text("<script>RSK").expect_text("Risks.csv");
    lead.get("/app/import").await.expect(200).expect_text("Not imported yet").expect_text(&address);

    let choices = [("column0", "riskKey"), ("column1", "title"), ("dateOrder", "dmy")];
    lead.post(&address, &choices).await.expect(303);
    let id = address.rsplit('/').next().unwrap();
    let chosen = app.tables.imports.lock().unwrap().values().next().unwrap().1.options.clone();
    assert_eq!(chosen.columns.unwrap(), [Some("riskKey".to_owned()), Some("title".to_owned())]);
    assert_eq!(chosen.date_order, "dmy");

    let checked = [CHECKED, ("dateOrder", "dmy")];
    let short = [checked[0], checked[1], ("reason", "short")];
    let short = lead.post(&format!("{address}/run"), &short).await.expect(400);
    short.expect_text("Write at least 10");
    assert!(app.tables.started.lock().unwrap().is_empty());
    lead.post(&format!("{address}/run"), &[checked[0], checked[1], REASON]).await.expect(303);
    assert_eq!(*app.tables.started.lock().unwrap(), [("Dana Whitlock".to_owned(), REASON.1.to_owned())]);
    let running = lead.get(&address).await.expect(200).expect_text("0 of 242 rows");
    assert_eq!(running.headers["refresh"], "2");

    for (state, text) in [
        (ImportState::Done, "The import has ended."),
        (ImportState::Failed("the store failed".to_owned()), "The import ended early."),
        (ImportState::Interrupted, "The import was interrupted"),
        (ImportState::Receiving, "The upload ended early."),
    ] {
        app.tables.set_state(app.fixture.home, id, state);
        let page = lead.get(&address).await.expect(200);
        assert!(
            !page.headers.contains_key("refresh") && page.html().contains(text) || text == "The import has ended.",
            "{text}"
        );
    }
    let rows = lead.get(&format!("{address}/failed-rows")).await.expect(200);
    assert!(rows.headers["content-disposition"].to_str().unwrap().contains(&format!("failed-rows-{id}.csv")));
    lead.post(&format!("{address}/discard"), &[]).await.expect(303);
    lead.get(&address).await.expect(404);
}

#[tokio::test]
async fn an_import_with_choices_that_were_not_checked_is_refused_and_they_are_checked() {
    let app = TestApp::open().await;
    let lead = app.browser(Role::Lead).await;
    let address = upload(&app, &lead).await;
    let run = format!("{address}/run");
    let options = || app.tables.imports.lock().unwrap().values().next().unwrap().1.options.clone();
    let unchecked: [&[(&str, &str)]; 9] = [
        &[("column0", "riskKey"), ("column1", "title")],
        &[("column0", "")],
        &[],
        &[CHECKED, ("dateOrder", "mdy")],
        &[CHECKED, ("decimalMark", "comma"), ("dateOrder", "mdy")],
        &[CHECKED, ("percent", "as-shown")],
        &[CHECKED, ("delimiter", "tab")],
        &[CHECKED, ("headerRow", "2")],
        &[CHECKED, ("values", "status:Open=identified\r\nstatus:Shut=closed")],
    ];
    for choices in unchecked {
        let fields: Vec<_> = choices.iter().copied().chain([REASON]).collect();
        let page = lead.post(&run, &fields).await.expect(409).expect_text("changed after the last check");
        page.expect_text(REASON.1);
        assert!(app.tables.started.lock().unwrap().is_empty(), "{choices:?}");
    }
    assert_eq!(options().values, "status:Open=identified\nstatus:Shut=closed");
    let last: Vec<_> = unchecked[8].iter().copied().chain([REASON]).collect();
    lead.post(&run, &last).await.expect(303);
    assert_eq!(app.tables.started.lock().unwrap().len(), 1);
    assert_eq!(app.actions().await.last().unwrap().0, "table_import.started.refused");
}

#[tokio::test]
async fn checking_a_table_again_keeps_the_reason_that_was_typed() {
    let app = TestApp::open().await;
    let lead = app.browser(Role::Lead).await;
    let address = upload(&app, &lead).await;
    let page = lead.post(&address, &[CHECKED, ("reason", "Tom & \u{e4}ltere <b>")]).await.expect(303);
    let page = lead.get(page.location()).await.expect(200).expect_text("value=\"Tom &amp; \u{e4}ltere &lt;b&gt;\"");
    // One form has the choices and the import.
    page.expect_text(&format!("formaction=\"{address}/run\""));
}

#[tokio::test]
async fn no_byte_of_a_file_is_stored_before_the_token_of_its_form_is_right() {
    let app = TestApp::open().await;
    let lead = app.browser(Role::Lead).await;
    let file = Some(("Risks.csv", &b"ID\nRSK-1\n"[..]));
    let token = lead.form_token.as_str();
    let wrong = "0".repeat(64);
    let behind = {
        let mut body = form(&[("kind", "risk")], file);
        body.truncate(body.len() - "--x-1--\r\n".len());
        body.extend_from_slice(&form(&[("formToken", token)], None));
        body
    };
    for body in [form(&[("formToken", &wrong), ("kind", "risk")], file), form(&[("kind", "risk")], file), behind] {
        lead.post_file("/app/import", body).await.expect(403);
    }
    assert!(app.tables.stored().is_empty());
}

#[tokio::test]
async fn a_bad_upload_says_what_is_wrong_and_stores_nothing() {
    let app = TestApp::open().await;
    let lead = app.browser(Role::Lead).await;
    let token = ("formToken", lead.form_token.as_str());
    for (kind, file, text) in [
        ("risk", None, "Choose a file."),
        ("risk", Some(("", &b""[..])), "Choose a file."),
        ("risk", Some(("empty.csv", &b""[..])), "The file is empty."),
        ("risk", Some(("records.jsonl", &b"{\"kind\":\"risk\"}"[..])), "neither CSV nor an Excel workbook"),
        ("risk", Some(("risks.csv", &b"\x89PNG\r\n\x1a\n\0\0"[..])), "This is a picture (PNG), not a table."),
        ("dragon", Some(("a.csv", &b"x"[..])), "Choose what the rows of the table are."),
        ("evidence-claim", Some(("a.csv", &b"x"[..])), "Choose what the rows of the table are."),
    ] {
        let page = lead.post_file("/app/import", form(&[token, ("kind", kind)], file)).await.expect(400);
        page.expect_text(text).expect_text("id=\"problem\"");
    }
    let large = vec![b'x'; usize::try_from(MAX_TABLE_BYTES).unwrap() + 64 * 1024];
    lead.post_file("/app/import", form(&[token, ("kind", "risk")], Some(("a.csv", &large)))).await.expect(413);
    let cut = form(&[token, ("kind", "risk")], Some(("a.csv", b"riskKey,title\n")));
    lead.post_file("/app/import", cut[..cut.len() - 20].to_vec()).await.expect(400);
    assert!(app.tables.stored().is_empty(), "{:?}", app.tables.stored());
}

#[tokio::test]
async fn the_page_of_a_table_shows_its_values_names_what_is_left_out_and_what_all_rows_lack() {
    let app = TestApp::open().await;
    let lead = app.browser(Role::Lead).await;
    let address = upload(&app, &lead).await;
    let with_values = |letters, header, field, values: &[&str]| ColumnChoice {
        values: values.iter().map(|value| (*value).to_owned()).collect(),
        ..column(letters, header, field)
    };
    let fault = |row, message: &str| Fault { row, key: Some(format!("RSK-{row}")), message: message.to_owned() };
    let same = (3..30).map(|row| fault(row, "title: required"));
    *app.tables.preview.lock().unwrap() = Preview {
        columns: vec![
            with_values("A", "ID", Some("riskKey"), &["RSK-1", "RSK-2"]),
            with_values("B", "Severity", None, &["<b>High</b>", "Low"]),
            with_values("C", "Remarks", None, &[]),
            with_values("D", "Import error", None, &["title: required"]),
        ],
        fields: vec!["riskKey".to_owned(), "ownerResponsibilityAssignmentId".to_owned()],
        missing_fields: vec!["title".to_owned(), "status".to_owned()],
        needed_fields: vec!["title".to_owned()],
        outcome: Outcome {
            rows: 29,
            updated: 1,
            failed: 28,
            faults: [fault(2, "a rare fault")].into_iter().chain(same).collect(),
            ..Outcome::default()
        },
        ..preview()
    };
    lead.post(&address, &[CHECKED]).await.expect(303);
    let page =
        lead.get(&address).await.expect(200).expect_text("RSK-1 · RSK-2").expect_text("&lt;b&gt;High&lt;/b&gt; · Low");
    let page = page.expect_text("Left out, although they have values: Severity.").expect_text("Key (riskKey)");
    let page = page.expect_text("No column has Title (title).").expect_text("Without a column: Status (status).");
    let page = page.expect_text("3, 4, 5, 6, 7 and 22 more").expect_text("As found").expect_text("Not said");
    page.expect_no_text(">None</option>");
    // The address of a form with a fault can be loaded again.
    let back = lead.get(&format!("{address}/run")).await.expect(303);
    assert_eq!(back.location(), address);
}

#[tokio::test]
async fn dates_of_a_table_are_read_and_shown_in_the_time_zone_of_the_pages() {
    let app = TestApp::open().await;
    let lead = app.browser(Role::Lead).await;
    let time = vec![(2, vec![("dueAt".to_owned(), "2027-07-11T06:00:00.000Z".to_owned())])];
    let fields = [("formToken", lead.form_token.as_str()), ("kind", "finding")];
    *app.tables.preview.lock().unwrap() = Preview { fields: vec!["dueAt".to_owned()], sample: time, ..preview() };
    let page = lead.post_file("/app/import", form(&fields, Some(("f.csv", b"Due at\n2027-07-11\n")))).await.expect(303);
    let zone = || app.tables.imports.lock().unwrap().values().next().unwrap().1.options.zone.clone();
    assert_eq!(zone(), "America/Denver");
    let address = page.location().to_owned();
    let page = lead.get(&address).await.expect(200).expect_text(">11 Jul 2027, 00:00</time>");
    page.expect_text("Times without an offset are those of America/Denver");
    lead.post(&address, &[CHECKED]).await.expect(303);
    assert_eq!(zone(), "America/Denver");
}

#[tokio::test]
async fn the_failed_rows_of_an_import_are_read_as_that_import_was() {
    let app = TestApp::open().await;
    let lead = app.browser(Role::Lead).await;
    let address = upload(&app, &lead).await;
    let choices = [CHECKED, ("dateOrder", "dmy"), ("values", "status:Open=identified"), ("headerRow", "3")];
    lead.post(&address, &choices).await.expect(303);
    let id = address.rsplit('/').next().unwrap();
    let upload_as = async |kind: &str, name: &str| {
        let fields = [("formToken", lead.form_token.as_str()), ("kind", kind)];
        let page = lead.post_file("/app/import", form(&fields, Some((name, b"ID\nRSK-1\n")))).await.expect(303);
        let id = page.location().rsplit('/').next().unwrap().parse().unwrap();
        (page.location().to_owned(), app.tables.imports.lock().unwrap()[&id].1.options.clone())
    };
    let (address, options) = upload_as("risk", &format!("failed-rows-{id} (1).csv")).await;
    assert_eq!((options.date_order.as_str(), options.values.as_str()), ("dmy", "status:Open=identified"));
    assert_eq!(options.header_row, "", "the header of the file with the rows is its first row");
    let taken = options.taken_over.unwrap();
    assert_eq!(taken.columns[0], ("ID".to_owned(), Some("riskKey".to_owned())));
    lead.get(&address).await.expect(200).expect_text("Settings of Risks.csv");
    for (kind, name) in [("risk", "Risks.csv".to_owned()), ("asset", format!("failed-rows-{id}.csv"))] {
        let (address, options) = upload_as(kind, &name).await;
        assert!(options.taken_over.is_none() && options.values.is_empty(), "{name}");
        lead.get(&address).await.expect(200).expect_no_text("Settings of");
    }
}

#[tokio::test]
async fn an_export_that_finds_no_turn_is_answered_with_the_time_to_wait() {
    let app = TestApp::open().await;
    let auditor = app.browser(Role::Auditor).await;
    *app.tables.is_busy.lock().unwrap() = true;
    let page = auditor.get("/app/risks/export?format=csv").await.expect(503);
    assert_eq!(page.headers["retry-after"], "60");
    page.expect_text("The server reads other tables: try again in a minute.");
}

#[tokio::test]
async fn an_import_is_open_only_to_those_who_may_import_in_its_workspace() {
    let app = TestApp::open().await;
    let lead = app.browser(Role::Lead).await;
    let address = upload(&app, &lead).await;
    app.browser(Role::Admin).await.get(&address).await.expect(200);
    for role in [Role::Contributor, Role::Auditor, Role::Reader] {
        let browser = app.browser(role).await;
        browser.get(&address).await.expect(403);
        browser.get("/app/risks").await.expect(200).expect_no_text("/app/import");
    }
    let other = app.fixture.create_organization("away").await;
    app.tables.imports.lock().unwrap().values_mut().for_each(|(organization, ..)| *organization = other);
    lead.get(&address).await.expect(404);
    lead.post(&format!("{address}/run"), &[REASON]).await.expect(404);
    lead.post(&format!("{address}/discard"), &[]).await.expect(404);
    lead.get(&format!("{address}/failed-rows")).await.expect(404);
    assert!(app.tables.started.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_list_is_exported_with_its_filters_and_shown_as_an_api_call() {
    let app = TestApp::open().await;
    let auditor = app.browser(Role::Auditor).await;
    let risk = Risk { status: RiskStatus::Identified, ..Risk::example() };
    app.fixture.create(app.fixture.home, risk).await;
    let page = auditor.get("/app/risks?status=identified").await.expect(200);
    let page = page.expect_text("/app/risks/export?status=identified&amp;format=xlsx");
    page.expect_text("/api/v1/governance/risks?status=identified");
    let file = auditor
        .get(
            "/app/risks/export?status=identified,closed&order=updated&updatedAfter=1970-01-01T00:00:00.000Z&format=csv",
        )
        .await;
    let file = file.expect(200);
    assert_eq!(file.html(), "riskKey,title\r\nRSK-1,Flood\r\n");
    assert_eq!(file.headers["content-type"], "text/csv; charset=utf-8");
    assert!(file.headers["content-disposition"].to_str().unwrap().contains("risks.csv"));
    let export = app.tables.exports.lock().unwrap().pop().unwrap();
    assert_eq!((export.organization, export.format), (app.fixture.home, TableExportFormat::Csv));
    assert_eq!(export.filter.len(), 1);
    assert_eq!(export.filter[0].1, [OwnedScalar::Name("closed"), OwnedScalar::Name("identified")]);
    assert!(export.request.time_range.updated_after.is_some());
    auditor.get("/app/findings/export?format=xlsx&status=open").await.expect(200);
    for bad in ["format=pdf", "status=gone", "nothing=1", "cursor=x"] {
        auditor.get(&format!("/app/risks/export?{bad}")).await.expect(400);
    }
    let reader = app.browser(Role::Reader).await;
    reader.get("/app/risks/export").await.expect(403);
    reader.get("/app/risks").await.expect(200).expect_no_text("/app/risks/export");
    let log = app.actions().await;
    assert!(log.iter().any(|(action, _)| action == "risk.exported"), "{log:?}");
}
