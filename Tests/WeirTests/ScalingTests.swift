import Testing
import WeirData

@Suite struct ScalingTests {
  private func input(_ rows: [[Float]]) throws -> ModelInput {
    let array = try DataArray(shape: [rows.count, rows[0].count], storage: .float(rows.flatMap { $0 }), kind: .float, source: "x")
    return try ModelInput(array, shape: [rows[0].count], levels: 0)
  }

  /// Rows with correlations and very different variances.
  private func correlated(_ count: Int, dims: Int) throws -> ModelInput {
    var generator = SmallFlows.Generator(state: 5)
    return try input(
      (0..<count).map { _ in
        let hidden = (0..<dims).map { Float(1 << ($0 % 8)) * (generator.uniform() - 0.5) }
        return (0..<dims).map { dim in 100 + hidden[dim] + 0.5 * hidden[(dim + 1) % dims] - 0.25 * hidden[(dim + 3) % dims] }
      })
  }

  private func row(_ input: ModelInput, _ index: Int) -> [Double] {
    var values = [Float](repeating: 0, count: input.dims)
    values.withUnsafeMutableBufferPointer { input.copy(index, into: $0.baseAddress!) }
    return values.map { Double($0) }
  }

  @Test func standard() throws {
    let scaling = Standardisation(of: try input([[1, 5], [2, 5], [6, 5]]))
    #expect(scaling.mean == [3, 5] && abs(scaling.scale[0] - 2.160247) < 1e-6 && scaling.scale[1] == 1)
  }

  @Test func robust() throws {
    // numpy.percentile([1, 2, 4, 8, 100], [25, 50, 75]) is 2, 4, 8; of [0, 0, 0, 0, 5] it is 0, 0, 0, and the deviation is 2.
    let scaling = Standardisation(robustOf: try input([[100, 0, 7], [1, 0, 7], [8, 5, 7], [2, 0, 7], [4, 0, 7]]))
    #expect(scaling.mean == [4, 0, 7])
    #expect(abs(scaling.scale[0] - 6 / 1.349) < 1e-6 && scaling.scale[1] == 2 && scaling.scale[2] == 1)
    // Between two samples quartiles are interpolated: 1.25, 1.5, 1.75.
    let pair = Standardisation(robustOf: try input([[1], [2]]))
    #expect(pair.mean == [1.5] && abs(pair.scale[0] - 0.5 / 1.349) < 1e-6)
  }

  @Test(arguments: [1, 2, 3, 7, 40]) func whitening(dims: Int) throws {
    let data = try correlated(503, dims: dims)
    let whitening = try Whitening(of: data)
    for i in 0..<dims {
      for j in 0...i {
        let dot = (0..<dims).reduce(0.0) { sum, dim in
          sum + Double(whitening.rotation[i * dims + dim]) * Double(whitening.rotation[j * dims + dim])
        }
        #expect(abs(dot - (i == j ? 1 : 0)) < 1e-6, "rows \(i) and \(j)")
      }
      let axis = whitening.rotation[i * dims..<(i + 1) * dims]
      #expect(axis.max()! >= -axis.min()!)
    }
    #expect(zip(whitening.scale, whitening.scale.dropFirst()).allSatisfy { $0 >= $1 })

    var sum = [Double](repeating: 0, count: dims)
    var square = [Double](repeating: 0, count: dims * dims)
    for index in 0..<data.count {
      let x = row(data, index)
      let y = (0..<dims).map { i in
        (0..<dims).reduce(0.0) { $0 + Double(whitening.rotation[i * dims + $1]) * (x[$1] - Double(whitening.mean[$1])) }
          / Double(whitening.scale[i])
      }
      for i in 0..<dims {
        sum[i] += y[i]
        for j in 0..<dims { square[i * dims + j] += y[i] * y[j] }
      }
    }
    let count = Double(data.count)
    #expect(sum.allSatisfy { abs($0 / count) < 1e-3 })
    for i in 0..<dims {
      for j in 0..<dims { #expect(abs(square[i * dims + j] / count - (i == j ? 1 : 0)) < 1e-2, "\(i), \(j)") }
    }
  }

  @Test func axesWithoutVariance() throws {
    let line = try Whitening(of: input([[0, 0, 3], [3, 4, 3], [-3, -4, 3]]))
    // Along (3, 4) / 5 the variance is 50 / 3; elsewhere the floor, 1e-6 of a third of that, is all there is.
    #expect(abs(line.scale[0] - 4.0824828) < 1e-4)
    #expect(line.scale[1...].allSatisfy { abs($0 - 0.0023570226) < 1e-5 })
    #expect(abs(line.rotation[0] - 0.6) < 1e-6 && abs(line.rotation[1] - 0.8) < 1e-6)
    let constant = try Whitening(of: input([[2, 3], [2, 3]]))
    #expect(constant.scale == [1, 1] && constant.mean == [2, 3])
  }
}
