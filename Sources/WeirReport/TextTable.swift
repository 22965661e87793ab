/// A table in plain text: the first column to the left, the others to the right.
public struct TextTable: Sendable {
  private var rows: [[String]]
  private let leading: Int

  /// - Parameters:
  ///   - header: one title a column.
  ///   - leading: so many first columns are set to the left.
  public init(header: [String], leading: Int = 1) {
    rows = [header]
    self.leading = leading
  }

  /// Adds a row; missing cells are empty.
  public mutating func add(_ cells: [String]) { rows.append(cells) }

  /// The table, a line a row, with a rule under the header.
  public var text: String {
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0 }
    var lines = rows.map { row in
      (0..<columns).map { column in
        let cell = column < row.count ? row[column] : ""
        let space = String(repeating: " ", count: widths[column] - cell.count)
        return column < leading ? cell + space : space + cell
      }.joined(separator: "  ")
    }
    lines.insert(String(repeating: "-", count: widths.reduce(0, +) + 2 * (columns - 1)), at: 1)
    return lines.map { line in String(line.reversed().drop { $0 == " " }.reversed()) }.joined(separator: "\n")
  }
}
