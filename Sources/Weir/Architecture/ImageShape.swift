/// The shape of an image preset's data, with the checks that name what does not fit.
struct ImageShape {
  /// [c, h, w]
  let shape: [Int]
  let preset: String

  var channels: Int { shape[0] }

  init(_ shape: [Int], _ preset: String) throws(WeirError) {
    guard shape.count == 3, shape.allSatisfy({ $0 > 0 }) else {
      throw WeirError(.argument, where: preset, "is for images [channels, height, width]; the data has shape \(shape)")
    }
    self.shape = shape
    self.preset = preset
  }

  func checkEven(axes: [Int]) throws(WeirError) {
    for axis in axes where !shape[axis].isMultiple(of: 2) {
      throw WeirError(.argument, where: preset, "needs an even height and width; the data has shape \(shape)")
    }
  }

  /// Refuses a count below 1, and the first squeeze of an odd height or width.
  func check(scales: Int, squeezes: Int) throws(WeirError) {
    guard (1...24).contains(scales) else { throw WeirError(.argument, where: "scales", "is \(scales); it must be 1 to 24") }
    var (height, width) = (shape[1], shape[2])
    for squeeze in 0..<squeezes {
      guard height.isMultiple(of: 2), width.isMultiple(of: 2) else {
        let most = squeeze + scales - squeezes
        throw WeirError(
          .argument, where: "scales",
          "is \(scales), but scale \(squeeze + 1) is \(height)x\(width) and can't be squeezed 2x2; "
            + (most > 0 ? "use \(most) or fewer" : "make height and width even"))
      }
      (height, width) = (height / 2, width / 2)
    }
  }
}
