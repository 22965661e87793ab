import Weir

extension DataArray {
  /// The shape of one sample as a model has it: [dims] of a table, [c, h, w] of images, whose channels (1, 3 or 4) come first or last.
  ///
  /// - Throws: `WeirError.Code.shape` when it is neither, or when either axis could be the channels.
  public func modelShape() throws(WeirError) -> [Int] {
    let channelCounts = [1, 3, 4]
    switch shape.count {
    case 1: return [1]
    case 2: return [shape[1]]
    case 3: return [1, shape[1], shape[2]]
    case 4:
      let first = channelCounts.contains(shape[1])
      let last = channelCounts.contains(shape[3])
      if first && !last { return Array(shape[1...]) }
      if last && !first { return [shape[3], shape[1], shape[2]] }
      throw WeirError(
        .shape, where: source,
        "has shape \(shape), and it isn't clear which axis holds the channels; give data.shape as [channels, height, width]")
    default:
      throw WeirError(.shape, where: source, "has \(shape.count) axes; a table has 2, images 3 or 4")
    }
  }
}
