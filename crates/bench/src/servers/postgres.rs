//! A database in a running PostgreSQL server, used through PostgreSQL's own programs.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use crate::{
    failure::{Context, Failure, Outcome},
    servers::usage::cpu_time_of_tree,
};

/// A database of the benchmark's own in a PostgreSQL server. It is dropped with this value.
pub(crate) struct Postgres {
    programs: PathBuf,
    /// The URL of the server's default database.
    server: String,
    name: String,
}

/// A script for `pgbench`, and the values bound in it.
pub(crate) struct Script {
    /// The statements, with `:name` in place of a value.
    pub(crate) text: String,
    /// The names and values.
    pub(crate) values: Vec<(String, String)>,
}

impl Postgres {
    /// Creates the database `name`, dropping an existing one.
    pub(crate) fn create(server: &str, programs: &Path, name: &str) -> Outcome<Self> {
        let database = Self { programs: programs.to_owned(), server: server.to_owned(), name: name.to_owned() };
        database.psql(server, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))?;
        database.psql(server, &format!("CREATE DATABASE {name}"))?;
        Ok(database)
    }

    pub(crate) fn url(&self) -> String {
        let base = self.server.rsplit_once('/').map_or(self.server.as_str(), |(base, _)| base);
        format!("{base}/{}", self.name)
    }

    /// Executes SQL and returns the rows, with columns separated by `|`.
    pub(crate) fn query(&self, sql: &str) -> Outcome<String> {
        self.psql(&self.url(), sql)
    }

    /// Returns the name and version of the server.
    pub(crate) fn version(&self) -> Outcome<String> {
        Ok(format!("PostgreSQL {}", self.query("SHOW server_version")?))
    }

    /// Returns the CPU time that the whole server has used so far, for any database.
    pub(crate) fn cpu_time(&self) -> Outcome<Duration> {
        let file = Path::new(&self.query("SHOW data_directory")?).join("postmaster.pid");
        let first = std::fs::read_to_string(&file).context(|| file.display().to_string())?;
        let process = first.lines().next().and_then(|line| line.trim().parse().ok());
        cpu_time_of_tree(process.context(|| format!("{} has no process id", file.display()))?)
    }

    /// Returns the transactions per second of `pgbench` with prepared statements, choosing among the scripts at random.
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
        let output = output_of(pgbench.arg(self.url()))?;
        parse_tps(&output).context(|| format!("pgbench printed {output:?}"))
    }

    fn psql(&self, url: &str, sql: &str) -> Outcome<String> {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1"]);
        psql.args(["--command", sql, url]);
        Ok(output_of(&mut psql)?.trim_end().to_owned())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // The server is usually a throw-away one. If it is not, the name shows what created the database.
        let _ = self.psql(&self.server, &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}

fn output_of(command: &mut Command) -> Outcome<String> {
    let action = format!("{}", command.get_program().display());
    let output = command.stdin(Stdio::null()).output().context(|| action.clone())?;
    if !output.status.success() {
        return Err(Failure::new(format!("{action}: {}", String::from_utf8_lossy(&output.stderr).trim())));
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn parse_tps(output: &str) -> Option<f64> {
    let line = output.lines().find_map(|line| line.strip_prefix("tps = "))?;
    line.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_parsed_from_the_output_of_pgbench() {
        let output = "number of failed transactions: 0 (0.000%)\nlatency average = 0.4 ms\n\
                    initial connection time = 5.1 ms\ntps = 34567.891234 (without initial connection time)\n";
        assert_eq!(parse_tps(output), Some(34_567.891_234));
        assert_eq!(parse_tps("pgbench: error"), None);
    }
}
