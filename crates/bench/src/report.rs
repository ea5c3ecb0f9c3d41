//! The report: a table per section, or one JSON document.

mod row;

use serde_json::{Value, json};

use crate::{failure::Outcome, machine::Machine};

pub(crate) use row::{Row, Target, Unit};

/// The figures of one section.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// The method by which the figures were measured.
    pub(crate) method: String,
    pub(crate) rows: Vec<Row>,
}

/// The tables of all sections, printed as they are finished.
pub(crate) struct Report {
    machine: Machine,
    json: bool,
    tables: Vec<Table>,
}

impl Report {
    pub(crate) fn new(machine: Machine, json: bool) -> Self {
        Self { machine, json, tables: Vec::new() }
    }

    /// Prints the machine.
    pub(crate) fn print_machine(&self) {
        if !self.json {
            println!("{}", self.machine.to_text());
        }
    }

    pub(crate) fn add(&mut self, table: Table) {
        if !self.json {
            println!("\n{}", table.to_text());
        }
        self.tables.push(table);
    }

    /// Prints how many targets are met, or the JSON document.
    pub(crate) fn print_summary(&self) -> Outcome<()> {
        if self.json {
            let sections: Vec<Value> = self.tables.iter().map(Table::to_json).collect();
            let document = json!({ "machine": self.machine.to_json(), "sections": sections });
            println!("{}", serde_json::to_string_pretty(&document)?);
            return Ok(());
        }
        let targets: Vec<bool> = self.tables.iter().flat_map(|table| &table.rows).filter_map(Row::is_met).collect();
        println!("\n{} of {} targets met", targets.iter().filter(|met| **met).count(), targets.len());
        Ok(())
    }
}

impl Table {
    fn to_text(&self) -> String {
        let head = ["", "figure", "spread", "target", "goal", ""].map(str::to_owned);
        let cells: Vec<[String; 6]> = std::iter::once(head).chain(self.rows.iter().map(Row::cells)).collect();
        let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
        let widths: [usize; 6] = std::array::from_fn(width);
        let lines = cells.iter().map(|row| {
            let first = format!("{:<1$}", row[0], widths[0]);
            let rest = row[1..].iter().zip(&widths[1..]).map(|(cell, width)| format!("  {cell:>width$}"));
            std::iter::once(first).chain(rest).collect::<String>().trim_end().to_owned()
        });
        format!("{}: {}\n{}\n{}", self.name, self.title, self.method, lines.collect::<Vec<_>>().join("\n"))
    }

    fn to_json(&self) -> Value {
        let rows: Vec<Value> = self.rows.iter().map(Row::to_json).collect();
        json!({ "name": self.name, "title": self.title, "how": self.method, "figures": rows })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_aligned_and_shows_which_targets_are_met() {
        let rows = vec![
            Row::new("bare", 10.0, Unit::Micros).spread(0.05),
            Row::new("server ÷ bare", 7.5, Unit::Times).with_target(Target::at_most(10.0).goal(6.0)),
        ];
        let table = Table { name: "reads", title: "Reads", method: "Somehow.".to_owned(), rows };
        let text = table.to_text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[..2], ["reads: Reads", "Somehow."]);
        assert_eq!(lines[3], "bare           10.0 µs     5 %");
        assert_eq!(lines[4], "server ÷ bare   7.50 ×          ≤ 10.00 ×  ≤ 6.00 ×  met");
    }
}
