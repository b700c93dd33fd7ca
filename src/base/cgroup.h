/* The control group of this process: what a container, a batch system or systemd lets it have of the machine. Linux,
 * control groups of version 1 and 2; elsewhere nothing is known.
 *
 * `root` is "": only tests give a folder that stands for /. */
#ifndef CGROUP_H
#define CGROUP_H

/* CPUs that the quotas of the group and of those around it leave; INFINITY where none is set. */
double cgroup_cpus(const char *root);
/* Processes of the group that the kernel has killed so far because memory ran out (of its limit, or of the machine);
 * where no group counts them, those of the machine. -1: nobody counts. */
long cgroup_oom_kills(const char *root);

#endif
