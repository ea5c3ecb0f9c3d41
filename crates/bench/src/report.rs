//! The report: a table per section, or one JSON document.

mod row;

use serde_json::{Value, json};

use crate::{failure::Outcome, machine::Machine};

pub(crate) use row::{Bar, Row, Unit};

/// The figures of one section.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// How the figures were measured.
    pub(crate) how: String,
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
    pub(crate) fn open(&self) {
        if !self.json {
            println!("{}", self.machine.words());
        }
    }

    pub(crate) fn add(&mut self, table: Table) {
        if !self.json {
            println!("\n{}", table.words());
        }
        self.tables.push(table);
    }

    /// Prints how many targets are met, or the JSON document.
    pub(crate) fn close(&self) -> Outcome<()> {
        if self.json {
            let sections: Vec<Value> = self.tables.iter().map(Table::document).collect();
            let document = json!({ "machine": self.machine.document(), "sections": sections });
            println!("{}", serde_json::to_string_pretty(&document)?);
            return Ok(());
        }
        let targets: Vec<bool> = self.tables.iter().flat_map(|table| &table.rows).filter_map(Row::met).collect();
        println!("\n{} of {} targets met", targets.iter().filter(|met| **met).count(), targets.len());
        Ok(())
    }
}

impl Table {
    fn words(&self) -> String {
        let head = ["", "figure", "spread", "target", "goal", ""].map(str::to_owned);
        let cells: Vec<[String; 6]> = std::iter::once(head).chain(self.rows.iter().map(Row::cells)).collect();
        let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
        let widths: [usize; 6] = std::array::from_fn(width);
        let lines = cells.iter().map(|row| {
            let first = format!("{:<1$}", row[0], widths[0]);
            let rest = row[1..].iter().zip(&widths[1..]).map(|(cell, width)| format!("  {cell:>width$}"));
            std::iter::once(first).chain(rest).collect::<String>().trim_end().to_owned()
        });
        format!("{}: {}\n{}\n{}", self.name, self.title, self.how, lines.collect::<Vec<_>>().join("\n"))
    }

    fn document(&self) -> Value {
        let rows: Vec<Value> = self.rows.iter().map(Row::document).collect();
        json!({ "name": self.name, "title": self.title, "how": self.how, "figures": rows })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_aligned_and_says_what_is_met() {
        let rows = vec![
            Row::new("bare", 10.0, Unit::Micros).spread(0.05),
            Row::new("server ÷ bare", 7.5, Unit::Times).held_to(Bar::at_most(10.0).goal(6.0)),
        ];
        let table = Table { name: "reads", title: "Reads", how: "Somehow.".to_owned(), rows };
        let text = table.words();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[..2], ["reads: Reads", "Somehow."]);
        assert_eq!(lines[3], "bare           10.0 µs     5 %");
        assert_eq!(lines[4], "server ÷ bare   7.50 ×          ≤ 10.00 ×  ≤ 6.00 ×  met");
    }
}
