/// Decimal numbers in bytes, to the nearest Float. Foundation and the standard library want a String for each, which takes most of the
/// time that a large table needs.
enum DecimalNumber {
  /// Reads the number at the start of the bytes: sign, digits, point, exponent; `count` is the bytes it takes. Larger than Float holds
  /// gives infinity. nil for no number; "nan" and "inf" are none.
  @inline(__always)
  static func read(_ bytes: UnsafeBufferPointer<UInt8>, at start: Int) -> (value: Float, count: Int)? {
    let end = bytes.count
    var at = start
    var negative = false
    if at < end, bytes[at] == UInt8(ascii: "-") || bytes[at] == UInt8(ascii: "+") {
      negative = bytes[at] == UInt8(ascii: "-")
      at += 1
    }
    var mantissa: UInt64 = 0
    var exponent = 0
    let first = at
    while at < end, let digit = digit(bytes[at]) {
      if mantissa < mostMantissa { mantissa = mantissa * 10 + digit } else { exponent += 1 }
      at += 1
    }
    var digits = at - first
    if at < end, bytes[at] == UInt8(ascii: ".") {
      at += 1
      let fraction = at
      while at < end, let digit = digit(bytes[at]) {
        if mantissa < mostMantissa {
          mantissa = mantissa * 10 + digit
          exponent -= 1
        }
        at += 1
      }
      digits += at - fraction
    }
    guard digits > 0 else { return nil }
    if at < end, bytes[at] | 0x20 == UInt8(ascii: "e") {
      at += 1
      guard let (power, count) = readPower(bytes, at: at) else { return nil }
      exponent += power
      at += count
    }
    let value = nearest(mantissa, exponent) ?? exact(bytes, start, at)
    return (negative && value > 0 ? -value : value, at - start)
  }

  /// 18 digits fit 64 bits with room for one more.
  private static let mostMantissa: UInt64 = 1_000_000_000_000_000_000

  @inline(__always)
  private static func digit(_ byte: UInt8) -> UInt64? {
    let digit = byte &- UInt8(ascii: "0")
    return digit < 10 ? UInt64(digit) : nil
  }

  private static func readPower(_ bytes: UnsafeBufferPointer<UInt8>, at start: Int) -> (power: Int, count: Int)? {
    var at = start
    var negative = false
    if at < bytes.count, bytes[at] == UInt8(ascii: "-") || bytes[at] == UInt8(ascii: "+") {
      negative = bytes[at] == UInt8(ascii: "-")
      at += 1
    }
    var power = 0
    let first = at
    while at < bytes.count, let digit = digit(bytes[at]) {
      power = min(power * 10 + Int(digit), 1 << 20)
      at += 1
    }
    return at > first ? (negative ? -power : power, at - start) : nil
  }

  /// mantissa * 10^exponent; nil where double arithmetic does not settle which Float is nearest.
  ///
  /// Mantissa (cut after 19 digits), power and product each err by an ulp of a Double at most. A Float drops 29 bits of it, so the
  /// rounding is right unless these are within a few ulps of a half.
  @inline(__always)
  private static func nearest(_ mantissa: UInt64, _ exponent: Int) -> Float? {
    if mantissa == 0 { return 0 }
    guard exponent >= -mostPower, exponent <= mostPower else { return nil }
    let power = powers[abs(exponent)]
    let value = exponent < 0 ? Double(mantissa) / power : Double(mantissa) * power
    let half: UInt64 = 1 << 28
    let dropped = value.bitPattern & (2 * half - 1)
    guard value > 1.2e-38, dropped > half + 8 || dropped < half - 8 else { return nil }
    return Float(value)
  }

  private static let mostPower = 64
  private static let powers: [Double] = (0...mostPower).map { Double("1e\($0)")! }

  /// The standard library's exact conversion, of the number without its sign.
  private static func exact(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int) -> Float {
    let text = String(decoding: bytes[start..<end], as: UTF8.self)
    return abs(Float(text) ?? .infinity)
  }
}
