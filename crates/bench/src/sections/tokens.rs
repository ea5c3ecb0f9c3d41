//! Token calls: a failed call costs no more than a successful one.

use std::time::Duration;

use crate::{
    context::BenchContext,
    failure::Outcome,
    figures::{Case, measure_interleaved},
    http::{Load, Request},
    report::{Row, Table, Target, Unit},
    sections::{
        Section, parts,
        workload::{CONNECTIONS, bare},
    },
    servers::Account,
};

const ROUNDS: usize = 7;
const WINDOW: Duration = Duration::from_millis(1000);

/// The ratio up to which a failed call counts as costing no more than a successful one: the noise of a round.
const MAX_RATIO: f64 = 1.05;

pub(super) fn measure(bench: &BenchContext) -> Outcome<Table> {
    let stock = bench.small()?;
    let server = stock.serve(&[])?;
    let good = &stock.account;
    let other = server.create_account("other")?;
    let unknown = Account { client_id: "svc_01KSFQX5Y8000000000000000Z".to_owned(), ..good.clone() };
    let wrong = Account { client_secret: other.client_secret, ..good.clone() };
    let malformed = Account { client_secret: "nvsec_guess".to_owned(), ..good.clone() };
    let no_id = Account { client_id: "admin".to_owned(), ..good.clone() };

    let request = good.token_request();
    let bare = bare(&server, [&request].into_iter())?;
    let host = server.host()?;
    let case = |request: Request, expected| Case {
        program: &server,
        load: Load { host, requests: vec![request], connections: CONNECTIONS, expected },
    };
    let baseline = Load { host: bare.host()?, ..case(request.clone(), 200).load };
    let cases = [
        Case { program: &bare, load: baseline },
        case(request, 200),
        case(unknown.token_request(), 401),
        case(wrong.token_request(), 401),
        case(malformed.token_request(), 401),
        case(no_id.token_request(), 401),
        case(Request::post("/api/v1/auth/token", "[]"), 400),
    ];
    let [baseline, issued, rejected @ ..] = measure_interleaved(cases, ROUNDS, WINDOW)?;
    let names =
        ["unknown client id", "wrong secret", "malformed secret", "malformed client id", "body that is not an object"];

    let mut rows = vec![
        Row::new("bare handler", baseline.cpu.median(), Unit::Micros).spread(baseline.cpu.spread()),
        Row::new("token issued", issued.cpu.median(), Unit::Micros).spread(issued.cpu.spread()),
        Row::new("token issued ÷ bare", issued.cpu.median() / baseline.cpu.median(), Unit::Times)
            .with_target(Target::at_most(10.0)),
        Row::new("token issued, calls", issued.rate.median(), Unit::PerSecond).spread(issued.rate.spread()),
    ];
    rows.extend(parts::by_thread("token issued", &issued));
    for (name, figures) in names.into_iter().zip(&rejected) {
        rows.push(Row::new(name, figures.cpu.median(), Unit::Micros).spread(figures.cpu.spread()));
        let ratio = figures.cpu.median() / issued.cpu.median();
        rows.push(Row::new(format!("{name} ÷ issued"), ratio, Unit::Times).with_target(Target::at_most(MAX_RATIO)));
    }
    Ok(Table {
        name: "tokens",
        title: Section::Tokens.title(),
        method: format!(
            "CPU of the server's process per call, including sealing, {CONNECTIONS} keep-alive connections; medians of \
             {ROUNDS} alternating rounds."
        ),
        rows,
    })
}
