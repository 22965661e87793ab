import Weir

extension Session {
  /// Log-likelihood of every sample of `input`, nats.
  ///
  /// - Parameters:
  ///   - input: matched to this session's flow.
  ///   - progress: called after every batch with the samples done; give nil for none.
  /// - Throws: `WeirError.Code.shape` when the input is another model's.
  public func score(_ input: ModelInput, progress: ((Int) -> Void)? = nil) throws(WeirError) -> [Double] {
    guard input.dims == flow.info.dims else {
      throw WeirError(.shape, where: "score", "samples of \(input.dims) numbers for a model of \(flow.info.dims)")
    }
    var scores = [Double](repeating: 0, count: input.count)
    try scores.withUnsafeMutableBufferPointer { output throws(WeirError) in
      if case .uint8(let values) = input.array.storage, input.layout == .channelsFirst, input.rows == nil, flow.info.levels > 0 {
        try values.withUnsafeBufferPointer { pixels throws(WeirError) in
          try score(rows: input.count, progress) { (start, count) throws(WeirError) in
            let rows = UnsafeBufferPointer(rebasing: pixels[start * input.dims..<(start + count) * input.dims])
            try score(rows, into: UnsafeMutableBufferPointer(rebasing: output[start..<start + count]))
          }
        }
      } else {
        let rows = UnsafeMutableBufferPointer<Float>.allocate(capacity: min(batch, input.count) * input.dims)
        defer { rows.deallocate() }
        try score(rows: input.count, progress) { (start, count) throws(WeirError) in
          for row in 0..<count { input.copy(start + row, into: rows.baseAddress! + row * input.dims) }
          let filled = UnsafeBufferPointer(rebasing: rows[..<(count * input.dims)])
          try score(filled, into: UnsafeMutableBufferPointer(rebasing: output[start..<start + count]))
        }
      }
    }
    return scores
  }

  private func score(
    rows: Int, _ progress: ((Int) -> Void)?, _ body: (_ start: Int, _ count: Int) throws(WeirError) -> Void
  ) throws(WeirError) {
    var start = 0
    while start < rows {
      let count = min(batch, rows - start)
      try body(start, count)
      start += count
      progress?(start)
    }
  }
}
