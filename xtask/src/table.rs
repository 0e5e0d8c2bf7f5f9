//! Tables for the terminal: the first column to the left, numbers to the right.

pub fn render(head: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(head.get(column).map(|title| title.chars().count())).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let head: Vec<String> = head.iter().map(|title| (*title).to_owned()).collect();
    let rule: Vec<String> = widths.iter().map(|&width| "-".repeat(width)).collect();
    [&head, &rule].into_iter().chain(rows).map(|row| line(row, &widths)).collect()
}

fn line(row: &[String], widths: &[usize]) -> String {
    let mut text = String::new();
    for (column, (cell, &width)) in row.iter().zip(widths).enumerate() {
        let padded = if column == 0 { format!("{cell:<width$}") } else { format!("  {cell:>width$}") };
        text.push_str(&padded);
    }
    format!("{}\n", text.trim_end())
}

#[cfg(test)]
mod tests {
    #[test]
    fn aligns_columns() {
        let rows = [vec!["list".to_owned(), "7".to_owned()], vec!["checkout".to_owned(), "1500".to_owned()]];
        let expected = "flow        per s\n--------  -------\nlist            7\ncheckout     1500\n";
        assert_eq!(super::render(&["flow", "  per s"], &rows), expected);
    }
}
