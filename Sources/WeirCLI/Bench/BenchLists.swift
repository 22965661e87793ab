import ArgumentParser
import Weir

/// Counts on a command line: `1,32,256`, each once.
struct CountList {
  let counts: [Int]

  /// - Parameter most: the largest there may be; 1 is the smallest.
  init(_ text: String, most: Int) throws {
    let words = text.split(separator: ",", omittingEmptySubsequences: false)
    counts = try words.map { word in
      guard let count = Int(word), (1...most).contains(count) else {
        throw ValidationError("'\(word)' is not a whole number from 1 to \(most); give them as in 1,8,32")
      }
      return count
    }
    if let twice = firstRepeated(counts) { throw ValidationError("\(twice) is there twice") }
  }
}

/// Precisions on a command line: `f32`, `bf16` or both.
struct PrecisionList {
  let precisions: [Precision]

  init(_ text: String) throws {
    let words = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    precisions = try words.map { word in
      guard let precision = Precision(rawValue: word) else {
        let known = Precision.allCases.map(\.rawValue).joined(separator: ", ")
        throw ValidationError("this version does not compute in '\(word)'; it has \(known)")
      }
      return precision
    }
    if let twice = firstRepeated(precisions) { throw ValidationError("\(twice.rawValue) is there twice") }
  }
}

private func firstRepeated<Value: Hashable>(_ values: [Value]) -> Value? {
  var seen: Set<Value> = []
  return values.first { !seen.insert($0).inserted }
}
