/// The choice nearest to `text` by edit distance, for "did you mean"; nil when none is near.
func nearest(to text: String, among choices: [String]) -> String? {
  let ranked = choices.map { (choice: $0, distance: editDistance(text, $0)) }.min { $0.distance < $1.distance }
  guard let best = ranked, best.distance <= max(2, text.count / 3) else { return nil }
  return best.choice
}

/// Levenshtein distance.
private func editDistance(_ a: String, _ b: String) -> Int {
  let (from, to) = (Array(a.lowercased()), Array(b.lowercased()))
  var row = Array(0...to.count)
  for (i, character) in from.enumerated() {
    var diagonal = row[0]
    row[0] = i + 1
    for (j, other) in to.enumerated() {
      let replaced = diagonal + (character == other ? 0 : 1)
      diagonal = row[j + 1]
      row[j + 1] = min(replaced, row[j] + 1, diagonal + 1)
    }
  }
  return row[to.count]
}
