/* What differs between oneDNN 2.x and 3.x for a matrix product, and nothing else. Included by onednn.c alone.
 *
 * A memory descriptor is a struct in 2.x and a handle to be destroyed in 3.x; operation descriptors are gone in 3.x. */
#ifndef ONEDNN_VERSION_H
#define ONEDNN_VERSION_H
#include <oneapi/dnnl/dnnl.h>

typedef dnnl_memory_desc_t layout;

#if DNNL_VERSION_MAJOR >= 3
typedef const_dnnl_memory_desc_t layout_view;

static inline layout_view view_of(const layout *l)
{
    return *l;
}

static inline void layout_close(layout *l)
{
    dnnl_memory_desc_destroy(*l);
}

static inline dnnl_status_t layout_strided(layout *l, int ndims, const dnnl_dims_t dims, dnnl_data_type_t type,
                                           const dnnl_dims_t strides)
{
    return dnnl_memory_desc_create_with_strides(l, ndims, dims, type, strides);
}

static inline dnnl_status_t layout_any(layout *l, int ndims, const dnnl_dims_t dims, dnnl_data_type_t type)
{
    return dnnl_memory_desc_create_with_tag(l, ndims, dims, type, dnnl_format_tag_any);
}

static inline dnnl_status_t matmul_create(dnnl_primitive_desc_t *out, dnnl_engine_t engine, layout_view a,
                                          layout_view b, layout_view bias, layout_view c,
                                          const_dnnl_primitive_attr_t attributes)
{
    return dnnl_matmul_primitive_desc_create(out, engine, a, b, bias, c, attributes);
}

static inline dnnl_status_t append_sum(dnnl_post_ops_t operations)
{
    return dnnl_post_ops_append_sum(operations, 1.0f, 0, dnnl_data_type_undef);
}
#else
typedef const dnnl_memory_desc_t *layout_view;

static inline layout_view view_of(const layout *l)
{
    return l;
}

static inline void layout_close(layout *l)
{
    (void)l;
}

static inline dnnl_status_t layout_strided(layout *l, int ndims, const dnnl_dims_t dims, dnnl_data_type_t type,
                                           const dnnl_dims_t strides)
{
    return dnnl_memory_desc_init_by_strides(l, ndims, dims, type, strides);
}

static inline dnnl_status_t layout_any(layout *l, int ndims, const dnnl_dims_t dims, dnnl_data_type_t type)
{
    return dnnl_memory_desc_init_by_tag(l, ndims, dims, type, dnnl_format_tag_any);
}

static inline dnnl_status_t matmul_create(dnnl_primitive_desc_t *out, dnnl_engine_t engine, layout_view a,
                                          layout_view b, layout_view bias, layout_view c,
                                          const_dnnl_primitive_attr_t attributes)
{
    dnnl_matmul_desc_t operation;
    const dnnl_status_t status = dnnl_matmul_desc_init(&operation, a, b, bias, c);
    return status == dnnl_success ? dnnl_primitive_desc_create(out, &operation, attributes, engine, NULL) : status;
}

static inline dnnl_status_t append_sum(dnnl_post_ops_t operations)
{
    return dnnl_post_ops_append_sum(operations, 1.0f);
}
#endif
#endif
