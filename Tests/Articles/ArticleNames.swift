// What the code in README.md and in the articles takes from around it. Tests/run compiles the code with this, and runs none of it.
import Weir

let flow = try! Flow.open("fashion.safetensors")
nonisolated(unsafe) let session = try! flow.session()
nonisolated(unsafe) let trainer = try! Trainer.create(FlowSpec.tabular(dims: 10))
/// [n, c, h, w] of 8-bit images, several of such, and one image as floats.
let pictures: [UInt8] = []
let parts: [[UInt8]] = []
let pixels: [Float] = []
/// [n, dims] of a table, several of such, and its statistics.
let rows: [Float] = []
let others: [Float] = []
let batches: [[Float]] = []
let mean: [Float] = []
let deviation: [Float] = []
/// Nats.
let threshold = -2000.0
