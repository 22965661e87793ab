#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Messages for people go to stderr, results to stdout.
enum Console {
  /// True when someone watches stderr.
  static let isTerminal = isatty(STDERR_FILENO) == 1

  /// Writes a line to stderr.
  static func error(_ line: String) { put(line + "\n") }

  /// Replaces the line being shown on a terminal; nothing elsewhere.
  static func show(_ line: String) {
    if isTerminal { put("\r\u{1b}[K" + line) }
  }

  /// Clears the line being shown.
  static func clear() { show("") }

  private static func put(_ text: String) {
    let bytes = Array(text.utf8)
    var start = 0
    while start < bytes.count {
      let count = bytes[start...].withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
      if count <= 0 { return }
      start += count
    }
  }
}
