/* varscale.kernels._native: the kernel for Python. Memory comes as an address: the callers in
   varscale/kernels/native.py hold the array, and know its shape and strides. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <string.h>

#if defined(__linux__)
#include <sys/mman.h>
#include <unistd.h>
#endif

#include "fill.h"
#include "threads.h"

/* From this many samples on the interpreter lock is worth giving away. */
#define VS_UNLOCKED_FROM 4096

PyDoc_STRVAR(isas_doc, "isas()\n--\n\nNames of the instruction sets that can be used, best first.");
static PyObject *isas(PyObject *module, PyObject *unused) {
  (void)module, (void)unused;
  PyObject *names = PyList_New(0);
  const struct vs_isa *isa;
  for (long i = 0; names && (isa = vs_isa_at(i)); i++) {
    PyObject *name = PyUnicode_FromString(isa->name);
    if (!name || PyList_Append(names, name) < 0) Py_CLEAR(names);
    Py_XDECREF(name);
  }
  return names;
}

/* Reads the packed constants and the table after them; the table stays where it is. */
static int read_program(PyObject *packed, struct vs_draw *draw) {
  char *bytes;
  Py_ssize_t length;
  if (PyBytes_AsStringAndSize(packed, &bytes, &length) < 0) return -1;
  if (length >= (Py_ssize_t)sizeof draw->program) {
    struct vs_program *program = &draw->program;
    memcpy(program, bytes, sizeof *program);
    draw->table = bytes + sizeof *program;
    int has_table = program->kind == VS_TABLE_16 || program->kind == VS_TABLE_8;
    int64_t entries = has_table ? (int64_t)program->mask + 1 : 0;
    if (program->kind < VS_KINDS && program->shift < 32 &&
        length == (int64_t)sizeof *program + entries * vs_sample_size(program->kind))
      return 0;
  }
  PyErr_SetString(PyExc_ValueError, "program must be packed by varscale.kernels.program");
  return -1;
}

/* Reads item `index` of a tuple. */
static int read_item(PyObject *tuple, Py_ssize_t index, int64_t *value) {
  PyObject *item = PyTuple_GetItem(tuple, index);
  if (!item) return -1;
  *value = PyLong_AsLongLong(item);
  return *value == -1 && PyErr_Occurred() ? -1 : 0;
}

static int read_axes(PyObject *shape, PyObject *memory, PyObject *counter, struct vs_map *map) {
  if (!PyTuple_Check(shape) || !PyTuple_Check(memory) || !PyTuple_Check(counter)) {
    PyErr_SetString(PyExc_TypeError, "shape and strides must be tuples");
    return -1;
  }
  Py_ssize_t axes = PyTuple_Size(shape);
  if (axes > VS_MAX_AXES || PyTuple_Size(memory) != axes || PyTuple_Size(counter) != axes) {
    PyErr_Format(PyExc_ValueError, "shape and strides must be as many, at most %d, got %zd",
                 VS_MAX_AXES, axes);
    return -1;
  }
  map->axes = (int)axes;
  for (Py_ssize_t i = 0; i < axes; i++)
    if (read_item(shape, i, &map->axis[i].size) < 0 ||
        read_item(memory, i, &map->axis[i].memory) < 0 ||
        read_item(counter, i, &map->axis[i].counter) < 0)
      return -1;
  return 0;
}

PyDoc_STRVAR(fill_doc,
             "fill(program, word, word, address, shape, strides, offset, counter_strides, isa, "
             "threads, limit)\n--\n\n"
             "Fill memory with a draw.\n\n"
             "Args: the packed program; the key's two words; the address of the first element; "
             "shape and strides in bytes; the first element's counter and the counters per step; "
             "the instruction set's index in isas(); the number of threads, 0 for as many as pay "
             "off up to limit.\n\nRaises: ValueError for a destination that overlaps itself or "
             "counters out of range; nothing has been written then.");
static PyObject *fill(PyObject *module, PyObject *const *args, Py_ssize_t count) {
  (void)module;
  struct vs_draw draw;
  struct vs_map map;
  if (count != 11) return PyErr_Format(PyExc_TypeError, "fill takes 11 arguments, got %zd", count);
  if (read_program(args[0], &draw) < 0) return NULL;
  draw.key[0] = (uint32_t)PyLong_AsUnsignedLongMask(args[1]);
  draw.key[1] = (uint32_t)PyLong_AsUnsignedLongMask(args[2]);
  draw.key[2] = draw.key[0] ^ draw.key[1] ^ 0x1BD11BDA;
  map.memory = PyLong_AsVoidPtr(args[3]);
  map.offset = PyLong_AsLongLong(args[6]);
  long isa_index = PyLong_AsLong(args[8]), threads = PyLong_AsLong(args[9]);
  long limit = PyLong_AsLong(args[10]);
  if (PyErr_Occurred() || read_axes(args[4], args[5], args[7], &map) < 0) return NULL;
  const struct vs_isa *isa = vs_isa_at(isa_index);
  if (!isa || threads < 0 || threads > VS_MAX_THREADS || limit < 1 ||
      limit > VS_MAX_THREADS) {
    PyErr_Format(PyExc_ValueError, "isa must be an index of isas(), threads at most %d",
                 VS_MAX_THREADS);
    return NULL;
  }
  int64_t size = 1;
  for (int a = 0; a < map.axes && size < VS_UNLOCKED_FROM; a++) size *= map.axis[a].size;
  enum vs_status status;
  if (size < VS_UNLOCKED_FROM) {
    status = vs_fill(isa, &draw, map, 1, 1);
  } else {
    Py_BEGIN_ALLOW_THREADS;
    status = vs_fill(isa, &draw, map, (int)threads, (int)limit);
    Py_END_ALLOW_THREADS;
  }
  switch (status) {
    case VS_OVERLAP:
      PyErr_SetString(PyExc_ValueError, "destination must not overlap itself");
      return NULL;
    case VS_OUT_OF_RANGE:
      PyErr_SetString(PyExc_ValueError, "counters and memory must lie within 63 bits");
      return NULL;
    default:
      Py_RETURN_NONE;
  }
}

PyDoc_STRVAR(advise_doc,
             "advise_huge_pages(address, size)\n--\n\n"
             "Ask for huge pages where memory is fresh: the page faults of small ones cost more than "
             "the samples. Linux only; elsewhere, and where it is refused, nothing happens.");
static PyObject *advise_huge_pages(PyObject *module, PyObject *const *args, Py_ssize_t count) {
  (void)module;
  if (count != 2) return PyErr_Format(PyExc_TypeError, "takes 2 arguments, got %zd", count);
  uintptr_t start = (uintptr_t)PyLong_AsVoidPtr(args[0]);
  size_t size = PyLong_AsSize_t(args[1]);
  if (PyErr_Occurred()) return NULL;
#if defined(__linux__)
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), first = (start + page - 1) / page * page;
  uintptr_t end = (start + size) / page * page;
  if (first < end) madvise((void *)first, end - first, MADV_HUGEPAGE);
#endif
  Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"advise_huge_pages", (PyCFunction)(void (*)(void))advise_huge_pages, METH_FASTCALL,
     advise_doc},
    {"isas", isas, METH_NOARGS, isas_doc},
    {"fill", (PyCFunction)(void (*)(void))fill, METH_FASTCALL, fill_doc},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
#ifdef Py_GIL_DISABLED
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "_native", .m_methods = methods, .m_slots = slots};

PyMODINIT_FUNC PyInit__native(void) {
  vs_find_isas();
  return PyModuleDef_Init(&definition);
}
