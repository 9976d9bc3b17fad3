// Sends CodeSection at even intervals. Called by k6.py, which gives everything in the environment.
import { check } from "k6";
import exec from "k6/execution";
import { Counter } from "k6/metrics";
import grpc from "k6/net/grpc";

const texts = JSON.parse(open(__ENV.TEXTS));
const failed = new Counter("calls_failed");
const client = new grpc.Client();
client.load([__ENV.PROTO], "bertillon/coding/v1/coding_service.proto");

export const options = {
  summaryTrendStats: ["med", "p(99)"],
  scenarios: {
    sections: {
      executor: "constant-arrival-rate",
      rate: Number(__ENV.RATE),
      timeUnit: `${__ENV.SECONDS}s`,
      duration: `${__ENV.SECONDS}s`,
      preAllocatedVUs: 20,
    },
  },
};

let connected = false;

export default function () {
  if (!connected) {
    client.connect(__ENV.TARGET, { plaintext: true });
    connected = true;
  }
  const reply = client.invoke("bertillon.coding.v1.CodingService/CodeSection", {
    text: texts[exec.scenario.iterationInTest % texts.length],
    date_of_service: "2026-05-11",
  });
  if (!check(reply, { answered: (one) => one && one.status === grpc.StatusOK })) {
    failed.add(1);
  }
}

export function handleSummary(data) {
  const values = data.metrics.grpc_req_duration.values;
  values.failed = data.metrics.calls_failed ? data.metrics.calls_failed.values.count : 0;
  // Iterations that were due while every virtual user was busy: k6 leaves them out, and goes on.
  values.dropped = data.metrics.dropped_iterations ? data.metrics.dropped_iterations.values.count : 0;
  return { [__ENV.SUMMARY]: JSON.stringify(values) };
}
