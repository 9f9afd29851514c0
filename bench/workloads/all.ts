/** Every workload, in the order of the table. */
import { fanOutWorkloads } from "./fanout.ts";
import { holdWorkloads } from "./holds.ts";
import { publishWorkloads } from "./publish.ts";
import { requestWorkloads } from "./requests.ts";
import type { Workload } from "./workload.ts";

export const WORKLOADS: readonly Workload[] = [
  ...requestWorkloads,
  ...holdWorkloads,
  ...fanOutWorkloads,
  ...publishWorkloads,
];
