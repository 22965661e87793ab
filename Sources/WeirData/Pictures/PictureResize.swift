extension PixelImage {
  /// The picture at another size, rounded to whole values. Each axis by itself: smaller by area averaging (every pixel counts by how much
  /// of it lies in the new one), larger by bilinear interpolation between pixel centres. Its proportions are not kept.
  public func resized(to size: PictureSize) -> PixelImage {
    guard size.height != height || size.width != width else { return self }
    let rows = AxisResize(from: height, to: size.height)
    let columns = AxisResize(from: width, to: size.width)
    // Columns first, then rows: [height, width, c] -> [height, size.width, c] -> [size.height, size.width, c].
    let narrow = columns.apply(pixels.map { Float($0) }, outer: height, inner: channels)
    let whole = rows.apply(narrow, outer: 1, inner: size.width * channels)
    var image = PixelImage(width: size.width, height: size.height, channels: channels)
    image.pixels = whole.map { UInt8(min(max($0.rounded(), 0), 255)) }
    return image
  }
}

/// How the pixels of one axis come from those of another length.
private struct AxisResize {
  let from: Int
  /// For each new pixel, the first old one that it draws on and the weights of that and the following ones; weights add up to 1.
  let parts: [(first: Int, weights: [Float])]

  init(from: Int, to: Int) {
    self.from = from
    let ratio = Double(from) / Double(to)
    parts = (0..<to).map { ratio >= 1 ? Self.average($0, ratio, from) : Self.interpolate($0, ratio, from) }
  }

  private static func average(_ place: Int, _ ratio: Double, _ from: Int) -> (Int, [Float]) {
    let (start, end) = (Double(place) * ratio, Double(place + 1) * ratio)
    let first = Int(start)
    let last = max(first, min(from - 1, Int(end.rounded(.up)) - 1))
    let shares = (first...last).map { min(end, Double($0 + 1)) - max(start, Double($0)) }
    let total = shares.reduce(0, +)
    return (first, shares.map { Float($0 / total) })
  }

  private static func interpolate(_ place: Int, _ ratio: Double, _ from: Int) -> (Int, [Float]) {
    let centre = min(max((Double(place) + 0.5) * ratio - 0.5, 0), Double(from - 1))
    let first = Int(centre)
    let share = Float(centre - Double(first))
    return share == 0 ? (first, [1]) : (first, [1 - share, share])
  }

  /// [outer, from, inner] -> [outer, parts, inner]
  func apply(_ values: [Float], outer: Int, inner: Int) -> [Float] {
    var result = [Float](repeating: 0, count: outer * parts.count * inner)
    for block in 0..<outer {
      for (place, part) in parts.enumerated() {
        let output = (block * parts.count + place) * inner
        for (offset, weight) in part.weights.enumerated() {
          let input = (block * from + part.first + offset) * inner
          for index in 0..<inner { result[output + index] += weight * values[input + index] }
        }
      }
    }
    return result
  }
}
