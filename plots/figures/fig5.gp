table = name.'.csv'
quantity = 'accuracy_test'
do for [format in formats] {
    eval open(format, 17.5, 6.2)
    set multiplot
    do for [k=1:2] {
        values = k == 1 ? Bs : ps
        eval panel(0.07 + 0.5 * (k - 1), 0.48 + 0.5 * (k - 1), 0.18, 0.9)
        set ylabel 'test accuracy'
        eval repetition_panel
    }
    unset multiplot
    unset output
}
