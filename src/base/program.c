#include "base/program.h"
#include <sys/types.h>
#include <unistd.h>
#if defined(__APPLE__)
#include <mach-o/dyld.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#elif defined(__FreeBSD__) || defined(__DragonFly__)
#include <sys/sysctl.h>
#endif

#if defined(__APPLE__)
/* The system gives the name it was started by, which may be a link. */
static bool ask(char *path, size_t size)
{
    uint32_t room = (uint32_t)size;
    char *real = _NSGetExecutablePath(path, &room) == 0 ? realpath(path, NULL) : NULL;
    const bool known = real && strlen(real) < size;
    if (known)
        memcpy(path, real, strlen(real) + 1);
    free(real);
    return known;
}
#elif defined(__FreeBSD__) || defined(__DragonFly__)
static bool ask(char *path, size_t size)
{
    int name[] = {CTL_KERN, KERN_PROC, KERN_PROC_PATHNAME, -1};
    return sysctl(name, 4, path, &size, NULL, 0) == 0 && size > 1;
}
#else
static bool ask(char *path, size_t size)
{
#ifdef __NetBSD__
    static const char link[] = "/proc/curproc/exe";
#else
    static const char link[] = "/proc/self/exe";
#endif
    const ssize_t n = readlink(link, path, size - 1);
    if (n <= 0 || (size_t)n == size - 1) /* a path that fills all may have been cut */
        return false;
    path[n] = '\0';
    return true;
}
#endif

bool program_path(char *path, size_t size)
{
    const bool known = ask(path, size);
    if (!known)
        *path = '\0';
    return known;
}
