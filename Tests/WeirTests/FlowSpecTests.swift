import Foundation
import Testing
import Weir

@Suite struct FlowSpecTests {
  private func masks(_ spec: FlowSpec) -> [CouplingMask] {
    spec.steps.compactMap { if case .coupling(let coupling) = $0 { coupling.mask } else { nil } }
  }

  private func channels(_ spec: FlowSpec) -> [Int] {
    spec.steps.compactMap { step in
      guard case .coupling(let coupling) = step, case .resnet(let net) = coupling.net else { return nil }
      return net.channels
    }
  }

  @Test func realnvp() throws {
    let spec = try FlowSpec.realnvp(shape: [3, 32, 32], scales: 3, channels: 8, blocks: 2)
    #expect(spec.steps.count == 2 + 2 * (3 + 1 + 3 + 1) + 4)
    #expect(channels(spec) == [8, 8, 8, 16, 16, 16, 16, 16, 16, 32, 32, 32, 32, 32, 32, 32])
    let kept = spec.steps.compactMap { if case .factorOut(let keep) = $0 { keep } else { nil } }
    #expect(kept == [6, 12])
    #expect(Array(masks(spec).suffix(4)) == [false, true, false, true].map { .checkerboard(reversed: $0) })
  }

  @Test func inputScaleFollowsMaskAndBatchNorm() {
    let net = ResNet(channels: 4, blocks: 1)
    #expect(net.under(.checkerboard(reversed: true)).inputScale == 2)
    #expect(net.under(.channel(reversed: true)).inputScale == 1)
    #expect(ResNet(channels: 4, blocks: 1, batchNorm: false).under(.checkerboard(reversed: false)).inputScale == 1)
  }

  @Test func singleScalePresets() throws {
    let net = ResNet(channels: 4, blocks: 1)
    let cycle = try FlowSpec.cycle(shape: [1, 4, 4], net: net)
    let pairs = [(0, 1), (1, 2), (2, 3), (3, 0), (0, 1), (1, 2), (2, 3), (3, 0)]
    #expect(masks(cycle) == pairs.map { .cycle(from: $0.0, to: $0.1) })
    #expect(try masks(.horizontal(shape: [1, 4, 3], net: net)) == (0..<8).map { .horizontal(reversed: $0 % 2 == 1) })
    #expect(try masks(.realnvp8(shape: [1, 3, 3], net: net)) == (0..<8).map { .checkerboard(reversed: $0 % 2 == 1) })
    #expect(try masks(.tabular(dims: 5, couplings: 3)) == [false, true, false].map { .tabular(reversed: $0) })
    #expect(try FlowSpec.tabular(dims: 5, couplings: 3, standardise: true).steps.first == .affine)
  }

  @Test func impossibleShapesAreRefused() {
    expectError(.argument, "can't be squeezed") { try FlowSpec.realnvp(shape: [1, 28, 28], scales: 4, channels: 4, blocks: 1) }
    expectError(.argument, "is for images") { try FlowSpec.realnvp(shape: [8], scales: 2, channels: 4, blocks: 1) }
    expectError(.argument, "even") { try FlowSpec.cycle(shape: [1, 3, 4], net: ResNet(channels: 4, blocks: 1)) }
    expectError(.argument, "2 or more") { try FlowSpec.tabular(dims: 1) }
  }

  @Test func jsonIsTheContract() throws {
    let net = ResNet(channels: 4, blocks: 1, skip: false)
    let spec = try FlowSpec.realnvp(shape: [1, 4, 4], scales: 2, net: net, transform: .additive)
    let object = try #require(try JSONSerialization.jsonObject(with: Data(spec.json.utf8)) as? [String: Any])
    #expect(object["version"] as? Int == 1)
    let steps = try #require(object["steps"] as? [[String: Any]])
    #expect(
      steps.map { $0["op"] as? String } == ["dequantize", "logit", "coupling", "coupling", "coupling", "squeeze"]
        + ["coupling", "coupling", "coupling", "factor_out", "coupling", "coupling", "coupling", "coupling"])
    #expect(steps[1]["margin"] as? Double == 0.9)
    #expect(steps[2]["transform"] as? String == "additive")
    let first = try #require(steps[2]["net"] as? [String: Any])
    #expect(first["input_scale"] as? Int == 2 && first["skip"] as? Bool == false && first["batch_norm"] as? Bool == true)
    let deeper = try #require(steps[6]["net"] as? [String: Any])
    #expect(deeper["channels"] as? Int == 8 && deeper["input_scale"] == nil)
    #expect(steps[9]["keep"] as? Int == 2)
  }
}
