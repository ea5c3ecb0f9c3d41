//! A PostgreSQL that is there already, asked through its own programs.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use crate::{
    failure::{Context, Failure, Outcome},
    servers::usage::of_family,
};

/// A database of our own in a PostgreSQL server. It is dropped when this goes.
pub(crate) struct Postgres {
    programs: PathBuf,
    /// The server's database that is always there.
    server: String,
    name: String,
}

/// A script for `pgbench`, and what is bound in it.
pub(crate) struct Script {
    /// Its statements, with `:name` where a value goes.
    pub(crate) text: String,
    /// Those values.
    pub(crate) values: Vec<(String, String)>,
}

impl Postgres {
    /// Makes the database `name`, anew where it is there.
    pub(crate) fn create(server: &str, programs: &Path, name: &str) -> Outcome<Self> {
        let made = Self { programs: programs.to_owned(), server: server.to_owned(), name: name.to_owned() };
        made.psql(server, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))?;
        made.psql(server, &format!("CREATE DATABASE {name}"))?;
        Ok(made)
    }

    pub(crate) fn url(&self) -> String {
        let base = self.server.rsplit_once('/').map_or(self.server.as_str(), |(base, _)| base);
        format!("{base}/{}", self.name)
    }

    /// Runs SQL and answers with the rows, columns apart by `|`.
    pub(crate) fn ask(&self, sql: &str) -> Outcome<String> {
        self.psql(&self.url(), sql)
    }

    /// Its version, in its own words.
    pub(crate) fn version(&self) -> Outcome<String> {
        Ok(format!("PostgreSQL {}", self.ask("SHOW server_version")?))
    }

    /// CPU time the whole server has used so far, whichever database it was for.
    pub(crate) fn spent(&self) -> Outcome<Duration> {
        let file = Path::new(&self.ask("SHOW data_directory")?).join("postmaster.pid");
        let first = std::fs::read_to_string(&file).or_fail(|| file.display().to_string())?;
        let process = first.lines().next().and_then(|line| line.trim().parse().ok());
        of_family(process.or_fail(|| format!("{} names no process", file.display()))?)
    }

    /// Transactions a second that `pgbench` reaches with prepared statements, the scripts taken by chance.
    pub(crate) fn pgbench(&self, folder: &Path, scripts: &[Script], clients: usize, window: Duration) -> Outcome<f64> {
        let mut pgbench = Command::new(self.programs.join("pgbench"));
        pgbench.args(["-n", "-M", "prepared", "-j", "2", "-c", &clients.to_string()]);
        pgbench.args(["-T", &window.as_secs().max(1).to_string()]);
        for (number, script) in scripts.iter().enumerate() {
            let file = folder.join(format!("{number}.sql"));
            std::fs::write(&file, &script.text)?;
            pgbench.arg("-f").arg(file);
            for (name, value) in &script.values {
                pgbench.args(["-D", &format!("{name}={value}")]);
            }
        }
        let said = said(pgbench.arg(self.url()))?;
        tps(&said).or_fail(|| format!("pgbench said {said:?}"))
    }

    fn psql(&self, url: &str, sql: &str) -> Outcome<String> {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1"]);
        psql.args(["--command", sql, url]);
        Ok(said(&mut psql)?.trim_end().to_owned())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // The server is thrown away as a rule; where it is not, the name tells whose it was.
        let _ = self.psql(&self.server, &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}

fn said(command: &mut Command) -> Outcome<String> {
    let doing = format!("{}", command.get_program().display());
    let output = command.stdin(Stdio::null()).output().or_fail(|| doing.clone())?;
    if !output.status.success() {
        return Err(Failure::new(format!("{doing}: {}", String::from_utf8_lossy(&output.stderr).trim())));
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn tps(said: &str) -> Option<f64> {
    let line = said.lines().find_map(|line| line.strip_prefix("tps = "))?;
    line.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_read_from_what_pgbench_says() {
        let said = "number of failed transactions: 0 (0.000%)\nlatency average = 0.4 ms\n\
                    initial connection time = 5.1 ms\ntps = 34567.891234 (without initial connection time)\n";
        assert_eq!(tps(said), Some(34_567.891_234));
        assert_eq!(tps("pgbench: error"), None);
    }
}
