import Weir

/// A table of numbers as text: `.csv` or `.tsv`, also `.gz`. Fields are separated by tabs, semicolons or commas, whichever of these comes
/// first in that order in the first line; a field may be quoted. The first line names the columns unless all it holds are numbers.
///
/// SwiftCSV 0.10 would not serve: it makes a String of every cell, which is 60 times as slow (2 MB/s, where this reads 115 MB/s of 8-digit
/// numbers), and it fills short rows up without a word.
struct TableFile {
  let path: String
  private let bytes: [UInt8]
  private let start: Int
  private let delimiter: UInt8

  private static let endings = [".csv", ".tsv", ".csv.gz", ".tsv.gz"]
  private static let labelNames: Set<String> = ["label", "class", "target", "y"]

  /// Whether a path's ending says that it is a table.
  static func isTable(_ path: String) -> Bool {
    let lower = path.lowercased()
    return endings.contains { lower.hasSuffix($0) }
  }

  /// Reads the whole file.
  ///
  /// - Throws: `WeirError.Code.io`, or `format` for text that isn't UTF-8 or a file without rows.
  init(_ path: String) throws(WeirError) {
    bytes = try ByteReader(path).readAll(most: 1 << 33)
    self.path = path
    if bytes.starts(with: [0xff, 0xfe]) || bytes.starts(with: [0xfe, 0xff]) {
      throw WeirError(.format, where: path, "is UTF-16 text; save it as UTF-8")
    }
    start = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? 3 : 0
    var quoted = false
    var found: Set<UInt8> = []
    for byte in bytes[start...] {
      if byte == UInt8(ascii: "\"") { quoted.toggle() }
      if !quoted, byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") { break }
      if !quoted { found.insert(byte) }
    }
    delimiter = [UInt8(ascii: "\t"), UInt8(ascii: ";")].first { found.contains($0) } ?? UInt8(ascii: ",")
  }

  /// The numbers, [rows, columns], without the label column; the labels where these are wanted.
  ///
  /// - Throws: `WeirError` naming file, row and column; rows are lines of the file, columns count from 1.
  func samples(_ source: LabelSource) throws(WeirError) -> (array: DataArray, labels: SampleLabels?) {
    let head = try head()
    let takesLabels = source.looksBeside && head.label != nil
    if source == .beside, !takesLabels {
      throw WeirError(.argument, where: path, "has no column named label, class, target or y; \(LabelSource.remedy)")
    }
    let columns = head.count - (head.label == nil ? 0 : 1)
    guard columns > 0 else { throw WeirError(.format, where: path, "has no column but \"\(head.names[0])\", which holds labels") }
    let (numbers, labels) = try rows(head, label: head.label.map { takesLabels ? .number($0) : .skipped($0) } ?? .none)
    let shape = [numbers.count / columns, columns]
    let array = try DataArray(shape: shape, storage: .float(numbers), kind: .float, source: path)
    return (array, takesLabels ? SampleLabels(labels, source: path) : nil)
  }

  /// The labels that a table holds: its label column, or its only column.
  func labels() throws(WeirError) -> SampleLabels {
    let head = try head()
    guard let label = head.label ?? (head.count == 1 ? 0 : nil) else {
      throw WeirError(
        .format, where: path,
        "has \(head.count) columns, and none is named label, class, target or y; name the one that holds the labels")
    }
    return try SampleLabels(rows(head, label: .number(label)).labels, source: path)
  }

  private func rows(
    _ head: TableHead, label: TableRows.Label
  ) throws(WeirError) -> (numbers: [Float], labels: [Int32]) {
    try bytes.withUnsafeBufferPointer { bytes throws(WeirError) in
      var rows = TableRows(bytes, from: head.end, line: head.lines + 1, delimiter, head, label: label, path: path)
      try rows.readAll()
      guard rows.count > 0 else { throw WeirError(.format, where: path, "holds no rows of numbers; save it again with its rows") }
      return (rows.numbers, rows.labels)
    }
  }

  /// The fields of the first line, and where the next one begins.
  private func firstLine() throws(WeirError) -> (fields: [String], end: Int, lines: Int) {
    try bytes.withUnsafeBufferPointer { bytes throws(WeirError) in
      var fields = TableFields(bytes, at: start, delimiter)
      var first: [String] = []
      repeat { first.append(try fields.next("\(path):1:\(first.count + 1)")) } while !fields.endsLine
      return (first, fields.at, fields.lines)
    }
  }

  /// The columns: the first line names them when any field of it is text.
  private func head() throws(WeirError) -> TableHead {
    let (first, end, lines) = try firstLine()
    let isText = first.contains { field in
      !field.isEmpty && !TableRows.missing.contains(field.lowercased())
        && field.withUTF8Copy { DecimalNumber.read($0, at: 0)?.count != $0.count }
    }
    guard isText else {
      try refuseColumnNumbers(first, end)
      return TableHead(names: [], count: first.count, label: nil, end: start, lines: 0)
    }
    if let unnamed = first.firstIndex(of: "") {
      throw WeirError(
        .format, where: "\(path):1:\(unnamed + 1)",
        "has no name, where the others have (row numbers of pandas?); save it with index=False, or name the column")
    }
    let names = first.map { $0.first == "#" ? String($0.dropFirst().drop { $0 == " " }) : $0 }
    let labels = names.indices.filter { Self.labelNames.contains(names[$0].lowercased()) }
    guard labels.count < 2 else {
      throw WeirError(
        .format, where: "\(path):1:\(labels[1] + 1)",
        "is named \"\(names[labels[1]])\" and column \(labels[0] + 1) \"\(names[labels[0]])\": only one can be the label; "
          + "rename or remove one")
    }
    return TableHead(names: names, count: names.count, label: labels.first, end: end, lines: lines)
  }

  /// pandas names columns 0, 1, 2, ... when nobody does; read as a row these would be a sample that nobody took. Whole numbers below them
  /// may well go on counting.
  private func refuseColumnNumbers(_ first: [String], _ end: Int) throws(WeirError) {
    let second = bytes[end...].prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
    guard first.count > 2, first == first.indices.map(String.init), second.contains(UInt8(ascii: ".")) else { return }
    throw WeirError(
      .format, where: "\(path):1",
      "is 0, 1, 2, ..., the names that pandas gives columns; save it with header=False, or name them. A row is written 0.0, 1.0, 2.0"
    )
  }
}

/// The columns of a table.
struct TableHead {
  /// Empty when the first line holds numbers.
  let names: [String]
  let count: Int
  /// The column that holds labels.
  let label: Int?
  /// Where the rows begin.
  let end: Int
  /// Lines before them.
  let lines: Int
}

extension String {
  fileprivate func withUTF8Copy<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
    var copy = self
    return copy.withUTF8(body)
  }
}
