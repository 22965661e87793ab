#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Numbers as people read them.
public enum NumberText {
  /// `value` with so many digits after the point; "nan", "inf", "-inf" for what is not finite.
  public static func fixed(_ value: Double, _ digits: Int) -> String { formatted("%.*f", value, digits) }

  /// `value` with so many digits that count: 3.13e-05.
  public static func significant(_ value: Double, _ digits: Int) -> String { formatted("%.*g", value, digits) }

  private static func formatted(_ format: String, _ value: Double, _ digits: Int) -> String {
    var characters = [CChar](repeating: 0, count: 400)
    let length = withVaList([digits, value]) { vsnprintf(&characters, characters.count, format, $0) }
    return String(decoding: characters.prefix(max(Int(length), 0)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// A whole number with thousands separated: 1,234,567.
  public static func grouped(_ value: Int) -> String {
    let digits = Array(String(value.magnitude))
    var text = value < 0 ? "-" : ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index).isMultiple(of: 3) { text += "," }
      text.append(digit)
    }
    return text
  }

  /// So many of something: "1 epoch", "1,234 epochs".
  public static func counted(_ value: Int, _ noun: String, _ plural: String? = nil) -> String {
    "\(grouped(value)) \(value == 1 ? noun : plural ?? noun + "s")"
  }

  /// Bytes in the largest binary unit below them: "1.5 MiB".
  public static func bytes(_ count: Int) -> String {
    scaled(Double(count), 1024, ["B", "KiB", "MiB", "GiB", "TiB"])
  }

  /// Operations in the largest decimal unit below them: "7.4 GFLOP".
  public static func flops(_ count: Double) -> String {
    scaled(count, 1000, ["FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP"])
  }

  /// Seconds of something short: "1.235 s", "12.3 ms", "45.6 µs".
  public static func interval(_ seconds: Double) -> String {
    if seconds >= 1 { return "\(fixed(seconds, 3)) s" }
    if seconds >= 1e-3 { return "\(fixed(1e3 * seconds, seconds < 0.1 ? 3 : 1)) ms" }
    return "\(fixed(1e6 * seconds, 1)) µs"
  }

  /// A part of 1 in percent: "12.3 %".
  public static func percent(_ part: Double) -> String { "\(fixed(100 * part, 1)) %" }

  /// Seconds as 45s, 3m 20s, 2h 05m.
  public static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "?" }
    let whole = Int(seconds.rounded())
    if whole < 60 { return "\(whole)s" }
    if whole < 3600 { return "\(whole / 60)m \(padded(whole % 60))s" }
    return "\(whole / 3600)h \(padded(whole % 3600 / 60))m"
  }

  private static func padded(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }

  private static func scaled(_ value: Double, _ base: Double, _ units: [String]) -> String {
    var value = value
    var unit = 0
    while value >= base, unit < units.count - 1 {
      value /= base
      unit += 1
    }
    return "\(fixed(value, unit == 0 ? 0 : 1)) \(units[unit])"
  }
}
