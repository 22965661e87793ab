import Weir

/// The rows of a table, read as numbers straight from its bytes.
struct TableRows {
  /// What is done with the label column.
  enum Label {
    case none
    /// It is passed over, whatever it holds.
    case skipped(Int)
    /// It holds whole numbers.
    case number(Int)
  }

  /// Words that stand for a number that is missing, or for none that a flow can take.
  static let missing: Set<String> = [
    "nan", "-nan", "inf", "+inf", "-inf", "infinity", "-infinity", "na", "n/a", "#n/a", "null", "none", "?",
  ]

  private(set) var numbers: [Float] = []
  private(set) var labels: [Int32] = []
  /// Rows read.
  private(set) var count = 0

  private let bytes: UnsafeBufferPointer<UInt8>
  private let delimiter: UInt8
  private let head: TableHead
  private let labelColumn: Int
  private let takesLabels: Bool
  private let path: String
  private var at: Int
  private var line: Int

  init(
    _ bytes: UnsafeBufferPointer<UInt8>, from start: Int, line: Int, _ delimiter: UInt8, _ head: TableHead, label: Label,
    path: String
  ) {
    self.bytes = bytes
    self.delimiter = delimiter
    self.head = head
    self.path = path
    self.line = line
    at = start
    (labelColumn, takesLabels) =
      switch label {
      case .none: (-1, false)
      case .skipped(let column): (column, false)
      case .number(let column): (column, true)
      }
  }

  /// Reads to the end.
  ///
  /// - Throws: `WeirError.Code.format` with row and column for what is no number, and for rows longer or shorter than the first.
  mutating func readAll() throws(WeirError) {
    while at < bytes.count {
      if bytes[at] == UInt8(ascii: "\n") || bytes[at] == UInt8(ascii: "\r") { return try endWithBlankLines() }
      for column in 0..<head.count {
        if column == labelColumn {
          try readLabel(column)
        } else if let value = plainNumber(column) {
          numbers.append(value)
        } else {
          numbers.append(try otherField(column))
        }
      }
      line += 1
      count += 1
      // Once the first row says how long rows are, memory is taken once.
      if count == 1 { numbers.reserveCapacity(min(bytes.count / 2 + 1, numbers.count * (bytes.count / max(1, at) + 2))) }
    }
  }

  /// A number as it mostly stands there: without quotes, finite, and where the row goes on or ends as it should. Moves past it.
  @inline(__always)
  private mutating func plainNumber(_ column: Int) -> Float? {
    var place = at
    while place < bytes.count, bytes[place] == UInt8(ascii: " ") { place += 1 }
    guard let (value, length) = DecimalNumber.read(bytes, at: place), value.isFinite else { return nil }
    place += length
    while place < bytes.count, bytes[place] == UInt8(ascii: " ") { place += 1 }
    if column + 1 < head.count {
      guard place < bytes.count, bytes[place] == delimiter else { return nil }
      at = place + 1
      return value
    }
    if place < bytes.count {
      if bytes[place] == UInt8(ascii: "\r") {
        place += place + 1 < bytes.count && bytes[place + 1] == UInt8(ascii: "\n") ? 1 : 0
      } else if bytes[place] != UInt8(ascii: "\n") {
        return nil
      }
    }
    at = min(place + 1, bytes.count)
    return value
  }

  /// A field that is no plain number: a quoted one, or an error.
  private mutating func otherField(_ column: Int) throws(WeirError) -> Float {
    let text = try field(column)
    var copy = text
    let value = copy.withUTF8 { bytes in
      DecimalNumber.read(bytes, at: 0).flatMap { $0.count == bytes.count ? $0.value : nil }
    }
    guard let value else { throw notANumber(text, column) }
    guard value.isFinite else {
      throw error(column, "holds \(text), which is larger than 32-bit numbers go; scale the column down")
    }
    return value
  }

  private mutating func readLabel(_ column: Int) throws(WeirError) {
    let text = try field(column)
    guard takesLabels else { return }
    if let label = Int32(text) ?? Double(text).flatMap({ Int32(exactly: $0) }) {
      labels.append(label)
    } else {
      let what = text.isEmpty ? "holds no label" : "holds the label \"\(short(text))\""
      throw error(column, "\(what); labels are whole numbers: number the classes")
    }
  }

  /// The next field as text, once it is where the row goes on or ends as it should.
  private mutating func field(_ column: Int) throws(WeirError) -> String {
    var fields = TableFields(bytes, at: at, delimiter)
    let text = try fields.next("\(path):\(line):\(column + 1)")
    let isLast = column + 1 == head.count
    if fields.endsLine != isLast {
      throw WeirError(
        .format, where: "\(path):\(line)",
        isLast
          ? "has more than the \(head.count) columns of the first line; separate them alike in every row"
          : "has \(column + 1) \(column == 0 ? "column" : "columns"), the first line \(head.count); fill the row or remove it")
    }
    at = fields.at
    line += fields.lines - (fields.endsLine ? 1 : 0)
    return text
  }

  /// Blank lines may end a file; elsewhere one is a hole.
  private func endWithBlankLines() throws(WeirError) {
    let isBlank: (UInt8) -> Bool = { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") || $0 == UInt8(ascii: " ") }
    guard bytes[at...].allSatisfy(isBlank) else {
      throw WeirError(.format, where: "\(path):\(line)", "is a blank line between rows; remove it")
    }
  }

  private func notANumber(_ text: String, _ column: Int) -> WeirError {
    if text.isEmpty { return error(column, "is empty; fill it, or remove the row or the column") }
    if Self.missing.contains(text.lowercased()) {
      return error(column, "holds \"\(short(text))\", which is no number; fill it, or remove the row or the column")
    }
    if text.count(where: { $0 == "," }) == 1, Double(text.replacing(",", with: ".")) != nil {
      return error(column, "holds \"\(short(text))\"; write numbers with a decimal point")
    }
    if text.contains(" "), text.split(separator: " ").allSatisfy({ Double($0) != nil }) {
      return error(column, "holds \"\(short(text))\"; separate columns by commas")
    }
    return error(column, "holds \"\(short(text))\", which is no number; number its categories, or remove the column")
  }

  private func error(_ column: Int, _ message: String) -> WeirError {
    let name = head.names.isEmpty ? "" : "column \"\(short(head.names[column]))\" "
    return WeirError(.format, where: "\(path):\(line):\(column + 1)", name + message)
  }

  private func short(_ text: String) -> String { text.count > 40 ? text.prefix(40) + "..." : text }
}
