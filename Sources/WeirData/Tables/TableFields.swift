import Weir

/// The fields of a table as text, one after the other; quotes are undone. Slow, for first lines and for what is no plain number.
struct TableFields {
  private let bytes: UnsafeBufferPointer<UInt8>
  private let delimiter: UInt8
  /// The next byte to read.
  private(set) var at: Int
  /// Line ends passed.
  private(set) var lines = 0
  /// Whether the last field was the last of its line.
  private(set) var endsLine = false

  init(_ bytes: UnsafeBufferPointer<UInt8>, at start: Int, _ delimiter: UInt8) {
    self.bytes = bytes
    self.delimiter = delimiter
    at = start
  }

  /// The next field without spaces around it.
  ///
  /// - Parameter place: file and line, for an error.
  /// - Throws: `WeirError.Code.format` for a quote that never ends.
  mutating func next(_ place: @autoclosure () -> String) throws(WeirError) -> String {
    let quote = UInt8(ascii: "\"")
    var field: [UInt8] = []
    var quoted = false
    loop: while at < bytes.endIndex {
      let byte = bytes[at]
      if quoted {
        if byte == quote, at + 1 < bytes.endIndex, bytes[at + 1] == quote {
          // Two quotes inside quotes are one.
          field.append(byte)
          at += 1
        } else if byte == quote {
          quoted = false
        } else {
          lines += byte == UInt8(ascii: "\n") ? 1 : 0
          field.append(byte)
        }
      } else if byte == quote, field.allSatisfy(Self.isSpace) {
        quoted = true
      } else if byte == delimiter || byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
        break loop
      } else {
        field.append(byte)
      }
      at += 1
    }
    guard !quoted else { throw WeirError(.format, where: place(), "opens a quote that is never closed; close it or remove it") }
    endsLine = at >= bytes.endIndex || bytes[at] != delimiter
    if endsLine { lines += 1 }
    if at < bytes.endIndex {
      let isReturn = bytes[at] == UInt8(ascii: "\r")
      at += 1
      if isReturn, at < bytes.endIndex, bytes[at] == UInt8(ascii: "\n") { at += 1 }
    }
    return Self.trimmed(field)
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }

  private static func trimmed(_ field: [UInt8]) -> String {
    let body = field.drop(while: isSpace)
    let end = body.lastIndex { !isSpace($0) }.map { $0 + 1 } ?? body.startIndex
    return String(decoding: body[..<end], as: UTF8.self)
  }
}
