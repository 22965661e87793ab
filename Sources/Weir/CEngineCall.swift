import CWeir

/// Text of a fixed C array, up to its NUL.
func text<Characters>(of characters: Characters) -> String {
  withUnsafeBytes(of: characters) { bytes in String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) }
}

/// Calls the engine with a place for its error, and throws that; the place begins with `file` when one is given.
func callEngine(
  _ function: StaticString, file: String = "", _ body: (UnsafeMutablePointer<weir_error>) -> weir_status
) throws(WeirError) {
  var failure = weir_error()
  let status = body(&failure)
  guard status != WEIR_OK else { return }
  let message = text(of: failure.message)
  var place = text(of: failure.where)
  // The engine cuts long paths short, and names only what is inside a file once it has read it.
  if !file.isEmpty, place.isEmpty || file.hasPrefix(place) { place = file }
  if !place.hasPrefix(file) { place = "\(file): \(place)" }
  throw WeirError(
    WeirError.Code(rawValue: status),
    where: message.isEmpty && place.isEmpty ? "\(function)" : place,
    message.isEmpty ? String(cString: weir_status_text(status)) : message)
}

/// As `callEngine`, for functions that give a status only.
func checkEngine(_ function: StaticString, _ status: weir_status) throws(WeirError) {
  if status != WEIR_OK {
    throw WeirError(WeirError.Code(rawValue: status), where: "\(function)", String(cString: weir_status_text(status)))
  }
}

/// Refuses counts the engine would see as huge.
func checkedCount(_ value: Int, _ name: String, in range: ClosedRange<Int>) throws(WeirError) -> Int {
  guard range.contains(value) else {
    throw WeirError(.argument, where: name, "is \(value); it must be \(range.lowerBound) to \(range.upperBound)")
  }
  return value
}
